//! The link that is mailed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::{LinkToken, TransferId};
use zeroize::{Zeroize as _, Zeroizing};

/// `<origin>/open#base64url(token 32 ‖ transfer_id 16)`. Browsers send a fragment to nobody, so the token is in no
/// access log and no scanner that fetches the address ahead of the recipient can spend an opening.
pub fn make_link(origin: &str, token: &LinkToken, transfer_id: &TransferId) -> Zeroizing<String> {
    let mut fragment = [token.as_bytes().as_slice(), transfer_id.as_bytes()].concat();
    let mut text = URL_SAFE_NO_PAD.encode(&fragment);
    let link = Zeroizing::new(format!("{origin}/open#{text}"));
    fragment.zeroize();
    text.zeroize();
    link
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_stands_in_the_fragment_with_the_transfer_id_behind_it() {
        let link = make_link("https://x.example", &LinkToken::from_bytes([0; 32]), &TransferId::from_bytes([0xff; 16]));
        // 48 bytes are 64 symbols; 32 zero bytes are 42 symbols A and four bits of the next.
        assert_eq!(*link, format!("https://x.example/open#{}D{}", "A".repeat(42), "_".repeat(21)));
    }
}
