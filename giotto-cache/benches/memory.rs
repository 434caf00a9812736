//! What a full memory cache costs: far more is offered to it than it may hold.
//!
//! `cargo bench -p giotto-cache --bench memory`, on Linux. Every case runs in a process of its own, because
//! memory that was freed is not always given back, and goes through the whole engine.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::convert::Infallible;
use std::error::Error;
use std::future::ready;
use std::process::Command;
use std::{env, fs};

use bytes::Bytes;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use giotto_cache::{Cache, Key, KeyValue, LocMemKeyValue, Policy};

const MIB: f64 = 1_048_576.0;
const CAP: u64 = 64 << 20;
const CALLERS: usize = 16;
/// The promise: the cap, a quarter more, and 16 MiB.
const PROMISED_MIB: f64 = 64.0 * 1.25 + 16.0;

/// Name, entries offered, bytes of the argument in the key, bytes of the body.
const CASES: [(&str, usize, usize, usize); 4] = [
    ("pages of 1 KiB", 1_000_000, 1, 1024),
    ("bodies of 10 bytes", 1_000_000, 1, 10),
    ("keys of 7 KB, bodies of 10 bytes", 100_000, 7_000, 10),
    ("pages of 100 KiB", 20_000, 1, 100 << 10),
];

fn main() -> Result<(), Box<dyn Error>> {
    let case = env::var("GIOTTO_BENCH_CASE").ok();
    match case.and_then(|number| CASES.get(number.parse::<usize>().ok()?)) {
        Some(case) => fill(*case),
        None => all(),
    }
}

fn all() -> Result<(), Box<dyn Error>> {
    println!("LocMemKeyValue of {} MiB\n", CAP >> 20);
    println!(
        "{:<34} {:>9} {:>8} {:>8} {:>8} {:>8} {:>9}",
        "", "offered", "kept", "counted", "grown", "peak", "overhead"
    );
    for number in 0..CASES.len() {
        let mut child = Command::new(env::current_exe()?);
        let output = child
            .env("GIOTTO_BENCH_CASE", number.to_string())
            .output()?;
        print!("{}", String::from_utf8(output.stdout)?);
    }
    println!(
        "\ncounted, grown and peak in MiB; overhead = bytes per entry besides its key and its envelope"
    );
    println!("promised: at most {PROMISED_MIB} MiB");
    Ok(())
}

fn fill(
    (name, offered, argument, body): (&str, usize, usize, usize),
) -> Result<(), Box<dyn Error>> {
    let runtime = Builder::new_multi_thread().enable_time().build()?;
    let store = LocMemKeyValue::new().max_bytes(CAP);
    let cache = Cache::new(store.clone());
    let body = Bytes::from(vec![b'x'; body]);
    let key = move |number: usize| {
        let arguments = format!("{{'x': {number:0argument$}}}");
        Key::new("page", arguments, "text/html")
    };

    let before = status("VmRSS:")?;
    let (kept, payload) = runtime.block_on(async {
        let mut callers = JoinSet::new();
        for caller in 0..CALLERS {
            let (cache, body) = (cache.clone(), body.clone());
            callers.spawn(async move {
                for number in (caller..offered).step_by(CALLERS) {
                    let body = body.clone();
                    let compute = || ready(Ok::<_, Infallible>(body));
                    let key = key(number);
                    cache
                        .get_or_compute(key, Policy::seconds(3600), compute)
                        .await?;
                }
                Ok::<_, giotto_cache::Error>(())
            });
        }
        callers
            .join_all()
            .await
            .into_iter()
            .collect::<Result<(), _>>()?;

        let (mut kept, mut payload) = (0, 0);
        for number in 0..offered {
            let key = key(number);
            if let Some(envelope) = store.get(key.as_str()).await? {
                kept += 1;
                payload += key.as_str().len() + envelope.len();
            }
        }
        Ok::<_, giotto_cache::Error>((kept, payload))
    })?;
    let [grown, peak] = [status("VmRSS:")? - before, status("VmHWM:")? - before];

    let counted = store.bytes() as f64 / MIB;
    let overhead = (grown - payload as f64) / f64::from(kept);
    let (grown, peak) = (grown / MIB, peak / MIB);
    let verdict = if peak <= PROMISED_MIB {
        "kept"
    } else {
        "BROKEN"
    };
    println!(
        "{name:<34} {offered:>9} {kept:>8} {counted:>8.1} {grown:>8.1} {peak:>8.1} {overhead:>9.0} {verdict}"
    );
    Ok(())
}

/// A size in bytes from the kernel's account of this process.
fn status(field: &str) -> Result<f64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kibibytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kibibytes
        .ok_or("the kernel does not tell")?
        .parse::<f64>()?
        * 1024.0)
}
