//! Pages that name parts go stale: every path they name must exist, and every function in it.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// Folders whose paths the pages may name, as the first part of a path in back ticks.
const TOPS: &[&str] =
    &["jobapp-core/", "jobapp-adapters/", "jobapp-services/", "docs/", "examples/", "tests/", "xtask/", "src/", ".ci/"];

/// Checks the pages at the top and below `docs`.
pub(crate) fn check_paths() -> anyhow::Result<()> {
    let root = crate::root();
    let mut pages = vec![root.join("README.md"), root.join("CHANGELOG.md")];
    collect(&root.join("docs"), &mut pages)?;
    let mut stale = Vec::new();
    let mut named = 0;
    for page in &pages {
        let text = std::fs::read_to_string(page).with_context(|| format!("{} cannot be read", page.display()))?;
        // Every second piece between back ticks is code.
        for code in text.split('`').skip(1).step_by(2) {
            if TOPS.iter().any(|top| code.starts_with(top)) && !code.contains(['*', '<', ' ', '{', '\n']) {
                named += 1;
                if !is_there(&root, code) {
                    stale.push(format!("{}: {code}", page.strip_prefix(&root).unwrap_or(page).display()));
                }
            }
        }
        stale.extend(broken_links(page, &text, &root));
    }
    first_command()?;
    if stale.is_empty() {
        println!("doc-paths: {named} paths on {} pages, all there", pages.len());
        return Ok(());
    }
    bail!("the documentation names paths that do not exist:\n  {}", stale.join("\n  "))
}

/// Whether there is a file or folder, and in it the function that `path::function` names.
fn is_there(root: &Path, code: &str) -> bool {
    let path = root.join(code.split(['#', ':']).next().unwrap_or_default());
    match code.split_once("::") {
        None => path.exists(),
        Some((_, name)) => std::fs::read_to_string(path).is_ok_and(|text| text.contains(&format!("fn {name}("))),
    }
}

/// `cargo run`, the first command of the README, starts the marketplace: with several programs in a package cargo has to
/// be told which.
fn first_command() -> anyhow::Result<()> {
    let metadata = crate::layers::metadata()?;
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let members = metadata["workspace_default_members"].as_array().map(Vec::as_slice).unwrap_or_default();
    let run = packages.iter().filter(|package| members.contains(&package["id"]));
    let run: Vec<&str> = run.filter_map(|package| package["default_run"].as_str()).collect();
    if run == ["jobapp"] {
        return Ok(());
    }
    bail!("`cargo run` must start jobapp: `default-run` of the default members is {run:?}")
}

fn collect(folder: &Path, pages: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, pages)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
    Ok(())
}

/// Relative links of a page that lead nowhere.
fn broken_links(page: &Path, text: &str, root: &Path) -> Vec<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let folder = page.parent().unwrap_or(root);
    targets
        .filter(|target| !target.contains("://") && !target.starts_with('#') && !target.is_empty())
        .filter(|target| !folder.join(target.split('#').next().unwrap_or_default()).exists())
        .map(|target| format!("{}: link to {target}", page.strip_prefix(root).unwrap_or(page).display()))
        .collect()
}
