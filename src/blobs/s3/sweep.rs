//! Deleting, so that nothing is left, and finding everything that is there, finished or not.

use super::fault::{fault, is_code, status};
use super::{NO_SUCH_UPLOAD, S3};
use crate::blobs::{AWAY, Upload};
use protocol::ObjectId;
use std::collections::BTreeSet;
use std::io;

impl S3 {
    pub(in crate::blobs) async fn abandon_upload(&self, object_id: &ObjectId, upload: &Upload) -> io::Result<()> {
        self.abort(&self.key(object_id), upload.as_text()).await
    }

    /// Uploads first: once they are gone, no request that is still on its way can make an object any more.
    pub(in crate::blobs) async fn delete_object(&self, object_id: &ObjectId) -> io::Result<()> {
        let key = self.key(object_id);
        for (_, upload) in self.list_uploads(&key).await? {
            self.abort(&key, &upload).await?;
        }
        let delete = self.client.delete_object().bucket(&self.bucket).key(&key).send().await;
        delete.map_err(|error| fault("DeleteObject", &error))?;
        self.confirm_gone(&key).await
    }

    async fn confirm_gone(&self, key: &str) -> io::Result<()> {
        match self.client.head_object().bucket(&self.bucket).key(key).send().await {
            Err(error) if status(&error) == Some(404) => {}
            Err(error) => return Err(fault("HeadObject", &error)),
            Ok(_) => return Err(io::Error::new(AWAY, format!("{key} is still there after it was deleted"))),
        }
        if self.list_uploads(key).await?.is_empty() {
            return Ok(());
        }
        Err(io::Error::new(AWAY, format!("an upload of {key} is still there after it was aborted")))
    }

    pub(in crate::blobs) async fn list_objects(&self) -> io::Result<Vec<ObjectId>> {
        let objects = format!("{}objects/", self.prefix);
        let mut found = BTreeSet::new();
        let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(&objects);
        let mut pages = list.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| fault("ListObjectsV2", &error))?;
            found.extend(page.contents().iter().filter_map(|object| self.parse_key(object.key()?)));
        }
        let uploads = self.list_uploads(&objects).await?;
        found.extend(uploads.iter().filter_map(|(key, _)| self.parse_key(key)));
        Ok(found.into_iter().collect())
    }

    /// The object that a key names. Anything else in the bucket was not put by us and is not ours to judge.
    fn parse_key(&self, key: &str) -> Option<ObjectId> {
        let object_id = ObjectId::parse(key.rsplit('/').next()?).ok()?;
        (self.key(&object_id) == key).then_some(object_id)
    }

    /// Key and upload id of every unfinished upload whose key begins so.
    pub(super) async fn list_uploads(&self, prefix: &str) -> io::Result<Vec<(String, String)>> {
        let mut found = Vec::new();
        let mut marker: (Option<String>, Option<String>) = (None, None);
        loop {
            let list = self.client.list_multipart_uploads().bucket(&self.bucket).prefix(prefix);
            let list = list.set_key_marker(marker.0.take()).set_upload_id_marker(marker.1.take());
            let page = list.send().await.map_err(|error| fault("ListMultipartUploads", &error))?;
            let pairs = page.uploads.into_iter().flatten().filter_map(|upload| Some((upload.key?, upload.upload_id?)));
            found.extend(pairs);
            if page.is_truncated != Some(true) || page.next_key_marker.is_none() {
                return Ok(found);
            }
            marker = (page.next_key_marker, page.next_upload_id_marker);
        }
    }

    async fn abort(&self, key: &str, upload: &str) -> io::Result<()> {
        let abort = self.client.abort_multipart_upload().bucket(&self.bucket).key(key).upload_id(upload);
        match abort.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_code(&error, &[NO_SUCH_UPLOAD]) => Ok(()),
            Err(error) => Err(fault("AbortMultipartUpload", &error)),
        }
    }
}
