//! A real Prometheus that reads the admin listeners of the servers each second, and its HTTP API.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use tempfile::TempDir;
use test_servers::{Process, free_port, wait_until};

/// An answer that does not come within this time has failed.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Prometheus {
    process: Process,
    servers: usize,
    _folder: TempDir,
}

/// A value, and the labels that it has.
#[derive(Debug, Deserialize)]
pub(super) struct Sample {
    pub(super) metric: BTreeMap<String, String>,
    value: (f64, String),
}

impl Sample {
    pub(super) fn value(&self) -> f64 {
        self.value.1.parse().unwrap_or(f64::NAN)
    }
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Sample>,
}

impl Prometheus {
    /// Starts one that reads the admin listeners at `targets`.
    pub(super) fn start(targets: &[SocketAddr]) -> std::io::Result<Self> {
        let (folder, port) = (tempfile::tempdir()?, free_port());
        let config = folder.path().join("prometheus.yml");
        let targets: Vec<_> = targets
            .iter()
            .map(|target| format!("\"{target}\""))
            .collect();
        fs::write(
            &config,
            format!(
                "global: {{ scrape_interval: 1s }}\nscrape_configs:\n  - job_name: giotto\n    static_configs: \
                 [ {{ targets: [ {} ] }} ]\n",
                targets.join(", ")
            ),
        )?;
        let flags = [
            format!("--config.file={}", config.display()),
            format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ),
            format!("--web.listen-address=127.0.0.1:{port}"),
        ];
        let programs = ["prometheus"];
        Ok(Self {
            process: Process::start("prometheus", &programs, flags, port, folder.path()),
            servers: targets.len(),
            _folder: folder,
        })
    }

    /// What `expression` (PromQL) gives now.
    pub(super) fn query(&self, expression: &str) -> Result<Vec<Sample>, Box<dyn Error>> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.process.port()))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut query = String::new();
        for byte in expression.bytes() {
            write!(query, "%{byte:02X}")?;
        }
        // Of HTTP 1.0, so that the body is not in chunks and ends with the connection.
        write!(stream, "GET /api/v1/query?query={query} HTTP/1.0\r\n\r\n")?;
        let mut response = String::new();
        stream.read_to_string(&mut response)?;
        let body = response.split_once("\r\n\r\n").map(|(_, body)| body);
        let answer = serde_json::from_str::<Answer>(body.unwrap_or_default());
        answer
            .map(|answer| answer.data.result)
            .map_err(|error| format!("{expression}: {error}: {response}").into())
    }

    /// Waits until every server was read once more, and none computes anything.
    pub(super) fn wait_until_all_is_read(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_secs_f64();
        let read = format!(
            "count(timestamp(giotto_cache_in_flight) > {now} and giotto_cache_in_flight == 0)"
        );
        wait_until("Prometheus has read all servers", || {
            let found = self.query(&read).unwrap_or_default();
            found
                .first()
                .is_some_and(|sample| sample.value() == self.servers as f64)
        });
    }
}
