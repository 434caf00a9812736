//! A certificate of `localhost` that signs itself, for servers that speak TLS.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

/// A key and its certificate, in files that go when it is dropped.
#[derive(Debug)]
pub struct Certificate {
    folder: TempDir,
}

impl Certificate {
    /// A new one.
    ///
    /// # Panics
    ///
    /// If `openssl` is not installed or fails.
    #[must_use]
    pub fn create() -> Self {
        let folder = tempfile::tempdir().expect("the temporary folder is writable");
        let certificate = Self { folder };
        let output = Command::new("openssl")
            .args(["req", "-x509", "-nodes", "-subj", "/CN=localhost"])
            .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .args(["-addext", "subjectAltName=DNS:localhost"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
            .arg(certificate.key())
            .arg("-out")
            .arg(certificate.file())
            .output()
            .expect("openssl is not installed: run `apt-get install openssl`");
        assert!(output.status.success(), "{output:?}");
        certificate
    }

    /// The file of the private key.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// The file of the certificate.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }
}
