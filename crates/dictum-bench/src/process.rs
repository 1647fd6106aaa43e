//! What the system says about this process. 0 where it does not tell.

/// Nanoseconds that the threads of this process were on a processor.
pub(crate) fn cpu_time() -> f64 {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else {
        return 0.0;
    };
    threads
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok())
        .filter_map(|stat| stat.split(' ').next()?.parse::<f64>().ok())
        .sum()
}

/// Memory in use (`VmRSS`) or the most there ever was (`VmHWM`), in KB.
pub(crate) fn memory(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| {
            line.strip_prefix(name)?
                .trim_start_matches(':')
                .split_whitespace()
                .next()
        })
        .and_then(|kb| kb.parse().ok())
        .unwrap_or(0.0)
}
