//! Profile-guided builds: a program is built so that it counts what it does, set to work, and built again with the counts
//! (<https://doc.rust-lang.org/rustc/profile-guided-optimization.html>).

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

/// Counts are put in before programs are linked, so they are the same, much sooner, without optimisation at link time.
/// Cargo must not know: its profile is part of the functions' names, and counts are found by name.
const COUNT: [&str; 3] = ["-Cprofile-generate", "-Clto=off", "-Clinker-plugin-lto=no"];

/// The profile of one program.
pub(crate) struct Profile {
    llvm_profdata: PathBuf,
    /// Named in each build: cargo's own tools, such as build scripts, are then built without the flags.
    host: String,
    folder: PathBuf,
}

impl Profile {
    /// Of the program of this name.
    ///
    /// # Errors
    /// When there is no `llvm-profdata` for this compiler.
    pub(crate) fn new(name: &str) -> anyhow::Result<Self> {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let ask = |arguments: &[&str]| -> anyhow::Result<String> {
            let answer = Command::new(&rustc).args(arguments).current_dir(crate::root()).output();
            Ok(String::from_utf8(answer.context("rustc could not be started")?.stdout)?)
        };
        let about = ask(&["-vV"])?;
        let said = |field: &str| about.lines().find_map(|line| line.strip_prefix(field)).map(str::trim);
        let (host, llvm) = said("host:").zip(said("LLVM version:")).context("rustc -vV says nothing of its LLVM")?;
        let major = llvm.split('.').next().unwrap_or(llvm);
        let sysroot = ask(&["--print", "sysroot"])?;
        let llvm_profdata = llvm_profdata(Path::new(sysroot.trim()), host, major)?;

        Ok(Self { llvm_profdata, host: host.to_owned(), folder: profiles().join(name) })
    }

    /// The folder of what belongs to it.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn merged(&self) -> PathBuf {
        self.folder.join("merged.profdata")
    }

    /// Builds what these arguments of cargo say, so that it counts what it does. Returns the program.
    pub(crate) fn counting(&self, arguments: &[&str]) -> anyhow::Result<PathBuf> {
        // The same flags for all programs, so that they share what is built of the libraries.
        let mut command = self.cargo(&profiles().join("counting"), &COUNT, arguments);
        let child = command.arg("--message-format=json-render-diagnostics").stdout(Stdio::piped()).spawn();
        let output = child.context("cargo could not be started")?.wait_with_output()?;
        ensure!(output.status.success(), "cargo {} failed", arguments.join(" "));
        let lines = String::from_utf8(output.stdout)?;
        let mut programs = lines.lines().filter_map(|line| {
            let message: serde_json::Value = serde_json::from_str(line).ok()?;
            Some(PathBuf::from(message["executable"].as_str()?))
        });
        programs.next_back().context("cargo built no program")
    }

    /// Has a counting program work, unless its counts are there already: with new ones everything would be built again.
    /// `work` is what sets it to work; the counts are written when the program ends by itself.
    ///
    /// # Errors
    /// When `work` fails or nothing was counted.
    pub(crate) fn learn(&self, counting: &Path, mut work: Command) -> anyhow::Result<()> {
        let changed = |path: &Path| std::fs::metadata(path).and_then(|about| about.modified());
        if changed(&self.merged()).is_ok_and(|known| changed(counting).is_ok_and(|built| built < known)) {
            return Ok(());
        }
        let counts = self.folder.join("counts");
        if counts.exists() {
            std::fs::remove_dir_all(&counts)?;
        }
        std::fs::create_dir_all(&counts)?;
        crate::finish(work.env("LLVM_PROFILE_FILE", counts.join("%p-%m.profraw")))?;
        let files: Vec<PathBuf> =
            std::fs::read_dir(&counts)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
        ensure!(!files.is_empty(), "nothing was counted: the program did not end by itself");
        crate::finish(Command::new(&self.llvm_profdata).arg("merge").arg("-o").arg(self.merged()).args(&files))
    }

    /// Runs cargo with these arguments; what it builds is optimised with what was learnt. Returns the folder of what is
    /// built.
    pub(crate) fn optimise(&self, arguments: &[&str]) -> anyhow::Result<PathBuf> {
        let flag = format!("-Cprofile-use={}", self.merged().display());
        let place = self.folder.join("optimised");
        crate::finish(&mut self.cargo(&place, &[&flag], arguments))?;
        Ok(place.join(&self.host).join("dist"))
    }

    fn cargo(&self, place: &Path, flags: &[&str], arguments: &[&str]) -> Command {
        let (command, rest) = arguments.split_first().unwrap_or((&"build", &[]));
        let mut cargo = crate::cargo_command(&[command, "--profile", "dist", "--target", &self.host, "--target-dir"]);
        cargo.arg(place).args(rest).env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
        cargo
    }
}

fn profiles() -> PathBuf {
    crate::root().join("target/profile")
}

/// The tool that puts counts together. It must be of the compiler's LLVM, whose format it reads.
fn llvm_profdata(sysroot: &Path, host: &str, major: &str) -> anyhow::Result<PathBuf> {
    let places = [
        sysroot.join("lib/rustlib").join(host).join("bin/llvm-profdata"),
        PathBuf::from(format!("llvm-profdata-{major}")),
        PathBuf::from(format!("/usr/lib/llvm-{major}/bin/llvm-profdata")),
        PathBuf::from("llvm-profdata"),
    ];
    for place in places {
        let answer = Command::new(&place).arg("--version").stderr(Stdio::null()).output();
        let about = answer.map(|answer| String::from_utf8_lossy(&answer.stdout).into_owned()).unwrap_or_default();
        if is_of(&about, major) {
            return Ok(place);
        }
    }
    bail!(
        "there is no llvm-profdata of LLVM {major}, which this rustc is built with: `rustup component add llvm-tools` brings \
         it, and so does your system's package of LLVM {major} (llvm-{major} on Debian)"
    )
}

/// Whether the tool that says this about itself is of the LLVM of this major version.
fn is_of(about: &str, major: &str) -> bool {
    about.split_once("LLVM version ").is_some_and(|(_, version)| version.split('.').next() == Some(major))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_tool_of_the_compilers_llvm_will_do() {
        let debian = "Debian LLVM version 22.1.8\n  Optimized build.\n";
        let rustup = "LLVM (http://llvm.org/):\n  LLVM version 22.1.2-rust-1.95.0-stable\n  Optimized build.\n";
        assert!(is_of(debian, "22") && is_of(rustup, "22"));
        assert!(!is_of(debian, "21") && !is_of(debian, "2") && !is_of("", "22"));
    }

    #[test]
    fn without_a_tool_the_error_says_what_to_install() {
        let error = llvm_profdata(Path::new("/nowhere"), "no-host", "999").unwrap_err().to_string();
        assert!(error.contains("LLVM 999") && error.contains("rustup component add llvm-tools"), "{error}");
    }
}
