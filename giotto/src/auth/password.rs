//! Hashes of passwords, by Argon2id.
//!
//! In step 6 of an invocation: a model that signs a reader up or in calls them.

use std::sync::{Arc, LazyLock};
use std::thread::available_parallelism;

use argon2::Argon2;
use argon2::password_hash::{Error as HashError, PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::error::{Error, Result};

/// One for each core: a hash takes 19 MiB, and more at the same time would only wait for each other.
static CORES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    let cores = available_parallelism().map_or(1, usize::from);
    Arc::new(Semaphore::new(cores))
});

/// What to store of `password`: its hash with a random salt, as text (`$argon2id$v=19$..`). It takes some 20 ms of a core, on a
/// thread of its own.
///
/// # Errors
///
/// If the process is ending.
pub async fn hash_password(password: impl Into<String>) -> Result<String> {
    let password = password.into();
    off_thread(move || Ok(hashed(&password)?.to_string())).await
}

/// Whether `password` is the one that `hash` was [made](hash_password) of. Without a hash, because there is no such user, it is
/// not, and it takes as long to say so: its time does not tell which users there are.
///
/// ```
/// # async fn sign_in(name: String, password: String, session: giotto::Session) -> Result<(), giotto::Error> {
/// # let find = |_: &str| Some("$argon2id$..".to_owned());
/// let hash: Option<String> = find(&name);
/// if !giotto::auth::verify_password(password, hash.as_deref()).await? {
///     return Err(giotto::InvalidInput::new().field("password", "", "is not the one of this user").into());
/// }
/// session.sign_in(name)?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// If `hash` is not such a text, or the process is ending.
pub async fn verify_password(password: impl Into<String>, hash: Option<&str>) -> Result<bool> {
    let (password, hash) = (password.into(), hash.map(str::to_owned));
    off_thread(move || {
        let Some(hash) = hash else {
            hashed(&password)?;
            return Ok(false);
        };
        match Argon2::default().verify_password(password.as_bytes(), hash.as_str()) {
            Ok(()) => Ok(true),
            Err(HashError::PasswordInvalid) => Ok(false),
            Err(error) => Err(Error::other(format!(
                "the stored hash of a password cannot be read: {error}"
            ))),
        }
    })
    .await
}

fn hashed(password: &str) -> Result<impl ToString + use<>> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map_err(|error| Error::other(format!("a password cannot be hashed: {error}")))
}

async fn off_thread<T: Send + 'static>(
    run: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let core = Arc::clone(&CORES).acquire_owned().await?;
    // The thread keeps the core: it goes on when the client, and this future with it, is gone.
    spawn_blocking(move || {
        let _core = core;
        run()
    })
    .await?
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_client_that_goes_away_does_not_free_the_core_that_its_hash_has() {
        let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
        let mut gates = Vec::new();
        for _ in 0..available_parallelism().map_or(1, usize::from) {
            let (gate, opened) = mpsc::channel::<()>();
            let started = started.clone();
            let hash = tokio::spawn(off_thread(move || {
                let _ = started.send(());
                let _ = opened.recv();
                Ok(())
            }));
            starts.recv().await.unwrap();
            hash.abort();
            assert!(hash.await.unwrap_err().is_cancelled());
            gates.push(gate);
        }
        assert_eq!(CORES.available_permits(), 0);
    }

    #[tokio::test]
    async fn a_hash_is_of_one_password_and_differs_each_time() {
        let (first, second) = (
            hash_password("öpen sesame").await.unwrap(),
            hash_password("öpen sesame").await.unwrap(),
        );
        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && first != second);
        for (password, hash, is_right) in [
            ("öpen sesame", Some(&*first), true),
            ("öpen sesame", Some(&*second), true),
            ("open sesame", Some(&*first), false),
            ("", Some(&*first), false),
            ("öpen sesame", None, false),
        ] {
            assert_eq!(
                verify_password(password, hash).await.unwrap(),
                is_right,
                "{password}"
            );
        }
        for wrong in ["", "öpen sesame", "$argon2id$", "$2b$12$abc"] {
            let error = verify_password("a", Some(wrong)).await.unwrap_err();
            assert!(error.to_string().contains("cannot be read"), "{error}");
        }
    }
}
