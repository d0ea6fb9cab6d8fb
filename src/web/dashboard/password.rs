//! Passwords: argon2id, beside the threads that answer, and only a few at once.

use std::sync::OnceLock;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;

/// The shortest password, in characters.
pub(super) const LENGTH_MIN: usize = 10;
/// The longest: more is work for nothing.
const LENGTH_MAX: usize = 200;
/// How many are hashed at once: each takes 19 MiB and a processor.
const AT_ONCE: usize = 2;

static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);

/// Whether a password may be one.
pub(super) fn fits(password: &str) -> bool {
    (LENGTH_MIN..=LENGTH_MAX).contains(&password.chars().count())
}

/// The PHC string of a password.
pub(super) async fn hash(password: String, salt: [u8; 16]) -> String {
    beside(move || hash_now(&password, &salt)).await
}

fn hash_now(password: &str, salt: &[u8]) -> String {
    let hashed: Result<PasswordHash, _> =
        Argon2::default().hash_password_with_salt(password.as_bytes(), salt);
    hashed
        .expect("the salt is as long as is wanted")
        .to_string()
}

/// Whether it is the password. Without one to compare with it takes as long, and is not.
pub(super) async fn is_right(password: String, hash: Option<String>) -> bool {
    if password.chars().count() > LENGTH_MAX {
        return false;
    }
    beside(move || {
        let is_known = hash.is_some();
        let hash = hash.unwrap_or_else(|| nobody().to_owned());
        let right = Argon2::default()
            .verify_password(password.as_bytes(), hash.as_str())
            .is_ok();
        right && is_known
    })
    .await
}

/// A hash that is nobody's, made like the others.
fn nobody() -> &'static str {
    static NOBODY: OnceLock<String> = OnceLock::new();
    NOBODY.get_or_init(|| hash_now("nobody has this password", b"a salt of nobody"))
}

async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let _turn = TURNS.acquire().await.expect("it is never closed");
    let done = tokio::task::spawn_blocking(work).await;
    done.expect("hashing does not panic")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_fits_its_hash() {
        let hash = hash("correct horse battery".to_owned(), [7; 16]).await;
        assert!(hash.starts_with("$argon2id$v=19$"), "{hash}");
        for (password, hash, right) in [
            ("correct horse battery", Some(hash.clone()), true),
            ("correct horse batterY", Some(hash.clone()), false),
            ("", Some(hash.clone()), false),
            ("correct horse battery", Some("garbled".to_owned()), false),
            ("nobody has this password", None, false),
        ] {
            assert_eq!(
                is_right(password.to_owned(), hash).await,
                right,
                "{password}"
            );
        }
        let long = "x".repeat(LENGTH_MAX + 1);
        assert!(!fits(&long) && !fits("too short") && fits("long enough"));
        assert!(!is_right(long, Some(hash)).await);
    }
}
