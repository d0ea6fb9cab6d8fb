//! Sealing: what is told of people, and what channels sent, is readable only with a key of its own.
//!
//! Each order's personal data, and each raw signal, has a key that nothing else is sealed with. The keys
//! live in a [`store::keys`] store, apart from the journal and the rows, and are worth nothing without the
//! master key, which is kept apart from both. So erasing a person is destroying some keys, and a copy of
//! the data alone tells nothing of anybody.

use std::{fmt::Write as _, sync::Arc};

use domain::person::Contact;
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};
use store::{
    StoreError,
    keys::{Key, KeyId, Keys, MemoryKeys},
};

/// The form of what is sealed, its first byte.
const FORM: u8 = 1;
/// Before the sealed text stand the form, the name of its key, and the nonce.
const HEAD_LENGTH: usize = 1 + 8 + NONCE_LEN;
/// How many bytes of a keyed hash are kept: enough that no two contacts share one.
const PRINT_LENGTH: usize = 16;

/// What lasts is sealed with a key that anybody knows, under the master key, which nobody does.
const LASTING: Key = *b"oneshelf lasting things: no key.";

/// Which of the two stores a key is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// Those of orders: destroyed one by one.
    Orders,
    /// Those of raw signals: destroyed one by one, or all of a time.
    Signals,
}

/// Why something sealed cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Its key is destroyed: it is meant to be unreadable.
    #[error("its key was destroyed")]
    Forgotten,
    /// It was sealed under another master key, or is damaged.
    #[error("it was sealed under another master key, or is damaged")]
    Foreign,
    /// The store of keys does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Seals and opens.
pub struct Sealer {
    master: hmac::Key,
    contacts: hmac::Key,
    orders: Arc<dyn Keys>,
    signals: Arc<dyn Keys>,
}

impl Sealer {
    /// A sealer with a master key of any length; it should be 32 bytes that nobody can guess.
    pub fn new(master: &[u8], orders: Arc<dyn Keys>, signals: Arc<dyn Keys>) -> Sealer {
        let key = |secret: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, secret);
        let master = key(master);
        let contacts = key(hmac::sign(&master, b"oneshelf contacts").as_ref());
        Sealer {
            master,
            contacts,
            orders,
            signals,
        }
    }

    /// A sealer whose keys are gone with the process, the same in each run: where nothing is secret.
    pub fn in_memory() -> Sealer {
        let keys = || Arc::new(MemoryKeys::default());
        Sealer::new(b"not secret", keys(), keys())
    }

    /// The keys of a pool.
    pub fn keys(&self, pool: Pool) -> &dyn Keys {
        match pool {
            Pool::Orders => self.orders.as_ref(),
            Pool::Signals => self.signals.as_ref(),
        }
    }

    /// Seals under a key that nothing was sealed with yet. `place` is what it belongs to: it opens only there.
    pub fn seal(
        &self,
        pool: Pool,
        place: &[u8],
        text: Vec<u8>,
        seed: [u8; 16],
    ) -> Result<Vec<u8>, StoreError> {
        let (id, key) = self.keys(pool).take()?;
        Ok(self.seal_with((id, key), place, &text, seed))
    }

    /// Seals under the key of something that is replaced. Where that is destroyed, under a new one.
    pub fn seal_again(
        &self,
        pool: Pool,
        id: KeyId,
        place: &[u8],
        text: Vec<u8>,
        seed: [u8; 16],
    ) -> Result<Vec<u8>, StoreError> {
        match self.keys(pool).find(id)? {
            Some(key) => Ok(self.seal_with((id, key), place, &text, seed)),
            None => self.seal(pool, place, text, seed),
        }
    }

    fn seal_with(
        &self,
        (id, key): (KeyId, Key),
        place: &[u8],
        text: &[u8],
        seed: [u8; 16],
    ) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        for (to, byte) in nonce.iter_mut().zip(seed) {
            *to = byte;
        }
        let mut sealed = Vec::with_capacity(HEAD_LENGTH + text.len() + CHACHA20_POLY1305.tag_len());
        sealed.push(FORM);
        sealed.extend(id.0.to_be_bytes());
        sealed.extend(nonce);
        sealed.extend_from_slice(text);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let (_, in_place) = sealed.split_at_mut(HEAD_LENGTH);
        let tag = self
            .cipher(&key)
            .seal_in_place_separate_tag(nonce, Aad::from(place), in_place)
            .expect("no text of ours is longer than the cipher takes");
        sealed.extend_from_slice(tag.as_ref());
        sealed
    }

    /// Opens what was sealed for this place.
    pub fn open(&self, pool: Pool, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Unreadable> {
        let id = key_of(sealed).ok_or(Unreadable::Foreign)?;
        let key = self.keys(pool).find(id)?.ok_or(Unreadable::Forgotten)?;
        self.open_with(&key, place, sealed)
    }

    fn open_with(&self, key: &Key, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Unreadable> {
        let (head, text) = sealed
            .split_at_checked(HEAD_LENGTH)
            .ok_or(Unreadable::Foreign)?;
        let nonce = head.get(HEAD_LENGTH - NONCE_LEN..).unwrap_or_default();
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Unreadable::Foreign)?;
        let mut text = text.to_vec();
        let opened = self
            .cipher(key)
            .open_in_place(nonce, Aad::from(place), &mut text);
        let length = opened.map_err(|_| Unreadable::Foreign)?.len();
        text.truncate(length);
        Ok(text)
    }

    /// Seals what is never erased alone: under the master key itself.
    pub fn seal_lasting(&self, place: &[u8], text: Vec<u8>, seed: [u8; 16]) -> Vec<u8> {
        self.seal_with((KeyId(0), LASTING), place, &text, seed)
    }

    /// Opens that.
    pub fn open_lasting(&self, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Unreadable> {
        self.open_with(&LASTING, place, sealed)
    }

    /// What a person is found by: a keyed hash, which tells nothing to who lacks the master key.
    pub fn print(&self, contact: &Contact) -> String {
        let hash = hmac::sign(&self.contacts, contact.text().as_bytes());
        let mut print = String::with_capacity(2 * PRINT_LENGTH);
        for byte in hash.as_ref().iter().take(PRINT_LENGTH) {
            write!(print, "{byte:02x}").expect("a string takes all");
        }
        print
    }

    fn cipher(&self, key: &Key) -> LessSafeKey {
        let key = hmac::sign(&self.master, key);
        let key = UnboundKey::new(&CHACHA20_POLY1305, key.as_ref());
        LessSafeKey::new(key.expect("the hash is as long as the key"))
    }
}

/// The name of the key that something is sealed under; nothing where it is not sealed.
pub fn key_of(sealed: &[u8]) -> Option<KeyId> {
    let (form, rest) = sealed.split_first()?;
    let id = rest.first_chunk::<8>()?;
    (*form == FORM).then(|| KeyId(u64::from_be_bytes(*id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_only_in_its_place_and_with_its_key() {
        let sealer = Sealer::in_memory();
        let text = b"Ada Example, Some Street 1".to_vec();
        let seal = |place: &[u8]| {
            let sealed = sealer.seal(Pool::Orders, place, text.clone(), [7; 16]);
            sealed.expect("a key")
        };
        let (one, other) = (seal(b"one"), seal(b"other"));
        assert!(!one.windows(3).any(|some| some == b"Ada"));
        assert_eq!(
            sealer.open(Pool::Orders, b"one", &one).expect("opens"),
            text
        );
        let is_foreign = |result| matches!(result, Err(Unreadable::Foreign));
        assert!(is_foreign(sealer.open(Pool::Orders, b"other", &one)));
        let master = Sealer::new(
            b"other",
            Arc::clone(&sealer.orders),
            Arc::clone(&sealer.signals),
        );
        assert!(is_foreign(master.open(Pool::Orders, b"one", &one)));
        for at in 0..one.len() {
            let mut flipped = one.clone();
            flipped[at] ^= 1;
            assert!(
                sealer.open(Pool::Orders, b"one", &flipped).is_err(),
                "byte {at}"
            );
        }
        assert!(sealer.open(Pool::Orders, b"one", &one[..20]).is_err());

        let lasting = sealer.seal_lasting(b"shop", b"token".to_vec(), [9; 16]);
        assert_eq!(
            sealer.open_lasting(b"shop", &lasting).expect("opens"),
            b"token"
        );
        assert!(master.open_lasting(b"shop", &lasting).is_err());

        let id = key_of(&one).expect("sealed");
        let again = sealer.seal_again(Pool::Orders, id, b"one", b"new".to_vec(), [8; 16]);
        assert_eq!(key_of(&again.expect("a key")), Some(id));
        sealer.keys(Pool::Orders).destroy(&[id]).expect("destroyed");
        let forgotten = sealer.open(Pool::Orders, b"one", &one);
        assert!(matches!(forgotten, Err(Unreadable::Forgotten)));
        assert!(sealer.open(Pool::Orders, b"other", &other).is_ok());
    }

    #[test]
    fn a_contact_has_the_same_print_under_the_same_master_key_only() {
        let print = |master: &[u8], text: &str| {
            let keys = || Arc::new(MemoryKeys::default());
            let contact = Contact::parse(text).expect("a contact");
            Sealer::new(master, keys(), keys()).print(&contact)
        };
        assert_eq!(print(b"a", "ADA@b.c"), print(b"a", "ada@b.c"));
        assert_ne!(print(b"a", "ada@b.c"), print(b"b", "ada@b.c"));
        assert_eq!(print(b"a", "ada@b.c").len(), 2 * PRINT_LENGTH);
    }
}
