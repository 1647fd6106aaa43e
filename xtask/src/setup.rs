//! What a fresh machine lacks: the C++ tools the local engine is built with, and cargo-deny.

use std::path::Path;
use std::process::Command;

use crate::sh::{self, Done};

/// Makes sure llama.cpp can be built: cmake, a C++ compiler, libclang; and pip for the model.
pub fn local_engine() -> Done {
    let mut missing = Vec::new();
    if !sh::exists("cmake", "--version") {
        missing.push("cmake");
    }
    if !sh::exists("c++", "--version") {
        missing.push("g++");
    }
    if !has_libclang() {
        missing.push("libclang-dev");
    }
    if !sh::exists("python3", "--version") || !pip() {
        missing.push("python3-pip");
    }
    install(&missing)
}

fn pip() -> bool {
    Command::new("python3")
        .args(["-m", "pip", "--version"])
        .output()
        .is_ok_and(|output| output.status.success())
}

fn has_libclang() -> bool {
    if std::env::var_os("LIBCLANG_PATH").is_some() {
        return true;
    }
    let folders = [
        "/usr/lib",
        "/usr/lib64",
        "/usr/local/lib",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
    ];
    let in_folder = |folder: &Path| {
        std::fs::read_dir(folder).is_ok_and(|mut files| {
            files.any(|file| file.is_ok_and(|file| is_libclang(&file.file_name().to_string_lossy())))
        })
    };
    folders.iter().any(|folder| in_folder(Path::new(folder)))
        || (6..30).any(|version| in_folder(Path::new(&format!("/usr/lib/llvm-{version}/lib"))))
        || cfg!(target_os = "macos")
}

/// `libclang.so`, `libclang-14.so.1`: the names bindgen's loader knows. `libclang-cpp.so.14`, the C++ interface, is none of them,
/// and a machine may have it alone.
fn is_libclang(name: &str) -> bool {
    name.starts_with("libclang.so")
        || name.strip_prefix("libclang-").is_some_and(|rest| {
            rest.starts_with(|first: char| first.is_ascii_digit()) && rest.contains(".so")
        })
}

fn install(packages: &[&str]) -> Done {
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    println!("Missing on this machine: {list}");
    let by_hand = format!(
        "install {list} with your system's package manager (Debian and Ubuntu: sudo apt-get install {list}; \
         Fedora: dnf install cmake gcc-c++ clang-devel python3-pip; macOS: brew install cmake llvm python), then run this again"
    );
    if !sh::exists("apt-get", "--version") {
        return Err(by_hand);
    }
    let root = sh::output("id", &["-u"]).is_ok_and(|id| id.trim() == "0");
    let sudo = !root
        && Command::new("sudo")
            .args(["-n", "true"])
            .output()
            .is_ok_and(|output| output.status.success());
    if !root && !sudo {
        return Err(by_hand);
    }
    let apt = |args: &[&str]| {
        let mut all = vec!["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y"];
        all.extend_from_slice(args);
        if sudo {
            sh::run("sudo", &all)
        } else {
            sh::run("env", all.get(1..).unwrap_or_default())
        }
    };
    apt(&["update"])
        .and_then(|()| {
            let mut args = vec!["install", "--no-install-recommends"];
            args.extend_from_slice(packages);
            apt(&args)
        })
        .map_err(|problem| format!("{problem}; {by_hand}"))
}

/// Makes sure cargo-deny is there. Built from source the first time: some minutes.
pub fn cargo_deny() -> Done {
    if sh::exists("cargo-deny", "--version") {
        return Ok(());
    }
    sh::run(
        "cargo",
        &["install", "--locked", "--version", "0.20.2", "cargo-deny"],
    )
}

#[cfg(test)]
mod tests {
    use super::is_libclang;

    #[test]
    fn the_interface_for_cpp_is_not_taken_for_libclang() {
        for name in [
            "libclang.so",
            "libclang.so.1",
            "libclang-14.so",
            "libclang-14.so.14.0.6",
        ] {
            assert!(is_libclang(name), "{name}");
        }
        for name in [
            "libclang-cpp.so.14",
            "libclang-cpp.so",
            "libclangBasic.a",
            "libclang_rt.asan.so",
        ] {
            assert!(!is_libclang(name), "{name}");
        }
    }
}
