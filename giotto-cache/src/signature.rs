//! The keyed digest behind what is stored, so that a client of the store without the key cannot forge a page.
//!
//! Steps 2 and 6 of a lookup, where signing keys are set: HMAC-SHA-256 (RFC 2104) over the key and the value, 32 bytes
//! behind the value. A replay of an older value of the same key is not detected: the digest does not know the time.

use std::fmt;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::error::{Error, ErrorKind, Result};

/// The length of a digest.
pub(crate) const LENGTH: usize = 32;
/// A shorter key can be guessed.
const MIN_KEY: usize = 32;

/// The signing keys of a cache: the first signs, all of them verify, so that a key can be replaced without a cold
/// cache. Without one nothing is signed or verified. Cloning it shares the keys.
#[derive(Clone, Default)]
pub(crate) struct Signer(Arc<[Hmac<Sha256>]>);

/// The value has no digest by one of the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Forged;

impl Signer {
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] if a key is shorter than 32 bytes.
    pub(crate) fn new<K: AsRef<[u8]>>(keys: impl IntoIterator<Item = K>) -> Result<Self> {
        let prepared = keys.into_iter().map(|key| {
            let key = key.as_ref();
            let short = || {
                let message = format!(
                    "a signing key has {} bytes: give at least {MIN_KEY}, for example the output of `openssl rand -hex 32`",
                    key.len()
                );
                Error::new(ErrorKind::Configuration, message)
            };
            if key.len() < MIN_KEY {
                return Err(short());
            }
            Hmac::new_from_slice(key).or(Err(short()))
        });
        Ok(Self(prepared.collect::<Result<_>>()?))
    }

    /// `value` with its digest behind it, as it is stored under `key`.
    pub(crate) fn sign(&self, key: &str, mut value: BytesMut) -> Bytes {
        if let Some(first) = self.0.first() {
            let digest = digest(first, key, &value).finalize().into_bytes();
            value.put_slice(&digest);
        }
        value.freeze()
    }

    /// How many bytes room a digest needs.
    pub(crate) fn room(&self) -> usize {
        if self.is_off() { 0 } else { LENGTH }
    }

    pub(crate) fn is_off(&self) -> bool {
        self.0.is_empty()
    }

    /// How long the value in front of the digest is, if one of the keys has made that for `key`.
    pub(crate) fn verify(&self, key: &str, stored: &[u8]) -> Result<usize, Forged> {
        if self.is_off() {
            return Ok(stored.len());
        }
        let length = stored.len().checked_sub(LENGTH).ok_or(Forged)?;
        let (value, signature) = stored.split_at(length);
        let is_by = |own: &Hmac<Sha256>| digest(own, key, value).verify_slice(signature).is_ok();
        self.0.iter().any(is_by).then_some(length).ok_or(Forged)
    }
}

/// The length of the key stands in front of it, so that no part of it can pass for the value.
fn digest(own: &Hmac<Sha256>, key: &str, value: &[u8]) -> Hmac<Sha256> {
    let mut digest = own.clone();
    digest.update(&(key.len() as u64).to_le_bytes());
    digest.update(key.as_bytes());
    digest.update(value);
    digest
}

/// Keys are secret.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({} keys)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "the old key of this deployment, 32+";
    const NEW: &str = "the new key of this deployment, 32+";

    fn signer(keys: &[&str]) -> Signer {
        Signer::new(keys).unwrap()
    }

    #[test]
    fn only_a_value_signed_by_one_of_the_keys_for_its_own_key_is_sound() {
        let signed = signer(&[OLD]).sign("a", BytesMut::from("value"));
        assert_eq!(signed.len(), 5 + LENGTH);
        for keys in [&[OLD][..], &[NEW, OLD]] {
            assert_eq!(signer(keys).verify("a", &signed), Ok(5), "{keys:?}");
        }
        assert_eq!(signer(&[NEW]).verify("a", &signed), Err(Forged));
        assert_eq!(signer(&[OLD]).verify("b", &signed), Err(Forged));
        assert_eq!(signer(&[OLD]).verify("a", b"value"), Err(Forged));
        for bit in 0..signed.len() * 8 {
            let mut flipped = signed.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(signer(&[OLD]).verify("a", &flipped), Err(Forged), "{bit}");
        }
    }

    #[test]
    fn without_a_key_nothing_is_signed() {
        let off = Signer::default();
        assert_eq!(off.sign("a", BytesMut::from("value")), "value");
        assert_eq!(off.verify("a", b"value"), Ok(5));
    }

    #[test]
    fn a_short_key_is_refused_and_no_key_is_shown() {
        let error = Signer::new(["secret"]).unwrap_err();
        assert!(error.to_string().contains("openssl rand"), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
        assert_eq!(format!("{:?}", signer(&[NEW, OLD])), "Signer(2 keys)");
    }
}
