//! The crates can be published.

use std::path::Path;

use crate::dependencies::metadata;

/// The registry's limits: keywords of a crate, and letters of a keyword.
const MOST_KEYWORDS: usize = 5;
const LONGEST_KEYWORD: usize = 20;

#[test]
fn every_published_crate_says_what_it_is() {
    let metadata = metadata();
    let mut published = 0;
    // `publish` is an empty list in crates that stay here.
    for package in metadata["packages"].as_array().unwrap().iter().filter(|package| package["publish"].is_null()) {
        published += 1;
        let name = package["name"].as_str().unwrap();
        for key in ["description", "license", "repository", "readme"] {
            assert!(package[key].as_str().is_some_and(|text| !text.is_empty()), "`{name}` has no `{key}`");
        }
        let readme = Path::new(package["manifest_path"].as_str().unwrap()).with_file_name("README.md");
        let text = std::fs::read_to_string(&readme).unwrap_or_else(|error| panic!("{}: {error}", readme.display()));
        assert!(text.starts_with(&format!("# {name}\n\n{name} ")), "{}: a title, then what it is", readme.display());
        let list = |key: &str| package[key].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
        let [keywords, categories]: [Vec<&str>; 2] = ["keywords", "categories"].map(list);
        assert!((1..=MOST_KEYWORDS).contains(&keywords.len()), "`{name}`: {keywords:?}");
        assert!(keywords.iter().all(|keyword| keyword.len() <= LONGEST_KEYWORD), "`{name}`: {keywords:?}");
        assert!(!categories.is_empty(), "`{name}` has no category");
    }
    assert!(published > 10, "{published} crates are published");
}
