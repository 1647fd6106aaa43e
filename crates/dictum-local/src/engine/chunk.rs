//! How prompts are cut into chunks so that no chunk is a single token (see the rules in `worker.rs`).

/// How many of `pending` tokens (at least two) to compute now, at most `most` (at least three), so that what is left is none or at
/// least two.
pub(crate) fn length(pending: usize, most: usize) -> usize {
    if pending <= most {
        pending
    } else if pending - most == 1 {
        most - 1
    } else {
        most
    }
}

/// How many of `there` computed tokens to use when the next chunk must end at `boundary`: all, unless one token would be left.
pub(crate) fn start(there: usize, boundary: usize) -> usize {
    let there = there.min(boundary);
    if boundary - there == 1 {
        there.saturating_sub(1)
    } else {
        there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cut_leaves_a_single_token() {
        for pending in 2..60 {
            let mut left = pending;
            while left > 0 {
                let chunk = length(left, 8);
                assert!((2..=8).contains(&chunk), "chunk of {chunk} with {left} left");
                left -= chunk;
            }
        }
    }

    #[test]
    fn a_start_leaves_none_or_two() {
        assert_eq!(start(10, 10), 10);
        assert_eq!(start(9, 10), 8);
        assert_eq!(start(12, 10), 10);
        assert_eq!(start(0, 1), 0);
    }
}
