//! Invariants that are absences: a text that must not stand in some files. The numbers are those of ARCHITECTURE.md.

use super::Source;

/// Texts that must not stand in files under a path.
struct Rule {
    /// Number of the invariant, or 0 for house rules.
    invariant: u8,
    /// What it guards, for the message.
    because: &'static str,
    /// Where it holds: paths that start so.
    under: &'static [&'static str],
    /// Files and folders it does not hold in, each for a reason given beside it.
    except: &'static [&'static str],
    /// What must not stand there.
    never: &'static [&'static str],
    /// Whether it must not stand in comments either.
    in_comments: bool,
}

/// The crates users link: everything but the command line, the chores and the test kit.
const LIBRARY: &[&str] = &[
    "crates/dictum/src/",
    "crates/dictum-core/src/",
    "crates/dictum-macros/src/",
    "crates/dictum-providers/src/",
    "crates/dictum-cache/src/",
    "crates/dictum-local/src/",
    "crates/dictum-optimize/src/",
    "crates/dictum-otel/src/",
];

const RULES: &[Rule] = &[
    Rule {
        invariant: 1,
        because: "no globals: what a call needs is in its context",
        under: LIBRARY,
        except: &[],
        never: &["static mut ", "thread_local!", "lazy_static!", "static_init"],
        in_comments: false,
    },
    Rule {
        invariant: 2,
        because: "the library reads environment and home only in constructors that say so",
        under: LIBRARY,
        except: &[
            // `api_key_from_env`.
            "crates/dictum-providers/src/env.rs",
            // `Models::from_env`.
            "crates/dictum-local/src/models/folder.rs",
            // `Otlp::from_env`.
            "crates/dictum-otel/src/env.rs",
        ],
        never: &["env::var", "env::home_dir", "env::set_var", "current_dir()"],
        in_comments: false,
    },
    Rule {
        invariant: 3,
        because: "adapters are pure",
        under: &["crates/dictum-core/src/adapter/", "crates/dictum-core/src/parse/"],
        except: &[],
        never: &["std::fs", "std::net", "std::time", "tokio", "rand", "async fn"],
        in_comments: false,
    },
    Rule {
        invariant: 4,
        because: "every call of a model goes through a predictor or a metric, in a context",
        under: &["crates/dictum-optimize/src/"],
        except: &[
            // The journal is a layer: it hands calls on.
            "crates/dictum-optimize/src/journal/",
            "crates/dictum-optimize/src/run/",
        ],
        never: &[".complete("],
        in_comments: false,
    },
    Rule {
        invariant: 11,
        because: "no unsafe code outside the local engine",
        under: &["crates/", "xtask/"],
        except: &["crates/dictum-local/", "xtask/src/tidy/rules.rs"],
        never: &["unsafe {", "unsafe impl", "unsafe fn", "allow(unsafe_code)"],
        in_comments: false,
    },
    Rule {
        invariant: 2,
        because: "the library never prints: it returns, calls back, or traces",
        under: LIBRARY,
        except: &[],
        never: &["println!(", "print!(", "dbg!("],
        in_comments: false,
    },
    Rule {
        invariant: 0,
        because: "unfinished code does not land",
        under: &["crates/", "xtask/"],
        except: &["xtask/src/tidy/rules.rs"],
        never: &["todo!(", "unimplemented!(", "FIXME", "TODO"],
        in_comments: true,
    },
];

pub fn check(sources: &[Source]) -> Result<Vec<String>, String> {
    let mut problems = Vec::new();
    for rule in RULES {
        for source in sources.iter().filter(|source| applies(rule, &source.path)) {
            for (number, line) in source.text.lines().enumerate() {
                if !rule.in_comments && line.trim_start().starts_with("//") {
                    continue;
                }
                for never in rule.never.iter().filter(|never| line.contains(**never)) {
                    let (path, number) = (&source.path, number + 1);
                    let name = if rule.invariant > 0 {
                        format!("invariant {}: ", rule.invariant)
                    } else {
                        String::new()
                    };
                    problems.push(format!(
                        "{path}:{number}: `{}` ({name}{})",
                        never.trim(),
                        rule.because
                    ));
                }
            }
        }
    }
    Ok(problems)
}

fn applies(rule: &Rule, path: &str) -> bool {
    path.ends_with(".rs")
        && rule.under.iter().any(|under| path.starts_with(under))
        && !rule.except.iter().any(|except| path.starts_with(except))
}
