//! How prompts are cut so that a token is computed the same way whatever was kept (see the rules in `worker.rs`).

/// Rows of a group. Fewer rows together, or rows outside of a group of four, may take another way through the kernels.
pub(crate) const ROWS: usize = 8;

/// The whole groups in `tokens`.
pub(crate) fn whole(tokens: usize) -> usize {
    tokens - tokens % ROWS
}

/// How many of a prompt's tokens may be taken from what is kept: whole groups that leave at least a group to compute.
pub(crate) fn reusable(shared: usize, prompt: usize) -> usize {
    whole(shared.min(prompt.saturating_sub(ROWS)))
}

/// How many of `pending` tokens to compute now, at most `most` (whole groups, at least two of them): all, or whole groups that
/// leave at least as many.
pub(crate) fn length(pending: usize, most: usize) -> usize {
    if pending <= most {
        pending
    } else if pending - most < ROWS {
        most - ROWS
    } else {
        most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_are_whole_groups_and_leave_no_less() {
        for pending in ROWS..200 {
            let mut left = pending;
            while left > 0 {
                let chunk = length(left, 16);
                assert!((ROWS..=16).contains(&chunk), "chunk of {chunk} with {left} left");
                assert!(
                    chunk == left || chunk == whole(chunk),
                    "chunk of {chunk} with {left} left"
                );
                left -= chunk;
            }
        }
    }

    #[test]
    fn what_is_taken_leaves_a_group() {
        for prompt in 0..40 {
            for shared in 0..=prompt {
                let taken = reusable(shared, prompt);
                assert!(taken <= shared && taken == whole(taken));
                assert!(taken == 0 || prompt - taken >= ROWS, "{taken} of {prompt}");
            }
        }
    }
}
