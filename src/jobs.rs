//! What happens without a request.

use crate::app::App;
use std::sync::Arc;

/// Does what is due, for ever.
pub async fn run(app: Arc<App>) {
    app.outbox_bell.notified().await;
}
