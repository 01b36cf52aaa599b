//! Documents agree with the repository.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{in_repository, text_of};

#[test]
fn the_readme_shows_the_minimal_example() {
    let readme = text_of("README.md");
    for (language, file) in [("rust", "examples/minimal.rs"), ("ron", "assets/train/minimal.ron")] {
        let shown = readme.split(&format!("```{language}\n")).nth(1).and_then(|rest| rest.split("```").next());
        assert_eq!(shown, Some(text_of(file).as_str()), "copy {file} into the README");
    }
}

#[test]
fn every_link_leads_somewhere() {
    for document in documents() {
        for link in prose(&document).iter().flat_map(|line| links(line)) {
            let (path, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = if path.is_empty() { document.clone() } else { document.with_file_name("").join(path) };
            assert!(target.exists(), "{}: `{link}` leads nowhere", document.display());
            let found = heading.is_empty() || anchors(&target).iter().any(|anchor| anchor == heading);
            assert!(found, "{}: `{link}` names no heading", document.display());
        }
    }
}

#[test]
fn every_command_names_an_example_that_exists() {
    let mut commands = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for rest in text.split("--example ").skip(1) {
            let name: String = rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
            let folders = ["examples", "crates/ludus_learn/examples", "crates/ludus_torch/examples"];
            let files = |folder: &str| [format!("{folder}/{name}.rs"), format!("{folder}/{name}/main.rs")];
            let exists = folders.iter().flat_map(|folder| files(folder)).any(|path| in_repository(&path).is_file());
            assert!(exists, "{}: no example `{name}`", document.display());
            commands += 1;
        }
    }
    assert!(commands > 3, "the documents show how to run the examples");
}

#[test]
fn ci_runs_the_command_that_the_readme_shows() {
    let test = "cargo xtask test";
    assert!(text_of("README.md").contains(test) && text_of("CONTRIBUTING.md").contains(test));
    assert!(text_of(".ci/run").contains(test));
    assert!(text_of(".github/workflows/ci.yml").contains("bash .ci/run"));
}

/// Returns every Markdown file of the repository.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in [".", "examples", "crates"] {
        collect(&in_repository(folder), folder == "crates", &mut found);
    }
    assert!(found.len() > 4, "{found:?}");
    found
}

fn collect(folder: &Path, with_folders: bool, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() && with_folders {
            collect(&path, with_folders, found);
        } else if path.extension().is_some_and(|end| end == "md") {
            found.push(path);
        }
    }
}

/// Returns the lines of a document that are not code.
fn prose(document: &Path) -> Vec<String> {
    let text = fs::read_to_string(document).unwrap();
    let mut is_code = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            lines.push(line.to_owned());
        }
    }
    lines
}

/// Returns the targets of a line's links that are in the repository.
fn links(line: &str) -> Vec<String> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    let is_outside = |target: &str| target.contains("://") || target.starts_with("mailto:");
    targets.map(|(target, _)| target.to_owned()).filter(|target| !is_outside(target)).collect()
}

/// Returns the names of a document's headings in links.
fn anchors(document: &Path) -> Vec<String> {
    let lines = prose(document);
    let headings = lines.iter().filter(|line| line.starts_with('#'));
    headings.map(|heading| anchor(heading.trim_start_matches('#').trim())).collect()
}

fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}
