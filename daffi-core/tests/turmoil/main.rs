//! Real QUIC over a simulated network: partitions, crashes and restarts in virtual time.
//!
//! A seed fixes the network's latencies and when it fails. The seed of a run that fails is printed; try it again, or
//! more of them, with `DAFFI_SEED=N` and `DAFFI_SEEDS=200`.

mod mesh;
mod plain;
mod socket;

/// Seeds that a test tries; by hand, say, `DAFFI_SEEDS=200`.
const SEEDS: u64 = 4;

/// The seeds to try.
fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
    let first = number("DAFFI_SEED").unwrap_or(1);
    let count =
        number("DAFFI_SEEDS").unwrap_or(if std::env::var_os("DAFFI_SEED").is_some() { 1 } else { SEEDS });
    first..first + count
}

/// Runs `test` for each seed, and says which one fails.
fn for_each_seed(test: impl Fn(u64)) {
    for seed in seeds() {
        let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| test(seed)));
        if let Err(panic) = run {
            eprintln!("it failed with DAFFI_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}
