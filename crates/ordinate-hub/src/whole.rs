//! Whether everything that a model needs to run lies in its folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::path::is_safe;

/// The files of safetensors that an index (`model.safetensors.index.json`) names, in order.
///
/// # Errors
/// A sentence about an index that is damaged, names nothing, or names what is no safetensors file beside it.
pub fn shards_of(index: &[u8]) -> Result<Vec<String>, String> {
    #[derive(Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let index: Index =
        serde_json::from_slice(index).map_err(|error| format!("is no index of safetensors: {error}"))?;
    let names: BTreeSet<String> = index.weight_map.into_values().collect();
    let strange = |name: &&String| !is_safe(name) || name.contains('/') || !name.ends_with(".safetensors");
    match names.iter().find(strange) {
        Some(name) => Err(format!("names {name:?}, which is no safetensors file of the folder")),
        None if names.is_empty() => Err("names no files".to_owned()),
        None => Ok(names.into_iter().collect()),
    }
}

/// Whether a configuration (`config.json`) is that of a model that reads no texts, so that it has no tokenizer: a forecaster of the Chronos
/// family, or a network of images as `transformers` or timm writes it.
#[must_use]
pub fn reads_no_texts(config: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Config {
        chronos_config: Option<serde_json::Map<String, serde_json::Value>>,
        model_type: Option<String>,
        /// What timm calls a network.
        architecture: Option<String>,
    }
    serde_json::from_slice::<Config>(config).is_ok_and(|config| {
        let is_network = config.model_type.is_some_and(|name| ["vit", "resnet"].contains(&name.as_str()));
        config.chronos_config.is_some() || is_network || config.architecture.is_some()
    })
}

/// What the folder of a model lacks to be run: `None` where it is whole. `file` is the GGUF file that is wanted of it.
#[must_use]
pub fn missing(folder: &Path, file: Option<&str>) -> Option<String> {
    let absent = |name: &str| !folder.join(name).is_file();
    if let Some(file) = file {
        return absent(file).then(|| file.to_owned());
    }
    if has_gguf(folder) && absent("config.json") {
        return None;
    }
    if absent("config.json") {
        return Some("config.json".to_owned());
    }
    // A translator cuts texts by SentencePiece, and others read none.
    if absent("tokenizer.json")
        && ["source.spm", "target.spm", "vocab.json"].into_iter().any(absent)
        && !fs::read(folder.join("config.json")).is_ok_and(|config| reads_no_texts(&config))
    {
        return Some("tokenizer.json".to_owned());
    }
    if !absent("model.safetensors") {
        return None;
    }
    match fs::read(folder.join("model.safetensors.index.json")) {
        Err(_) => Some("model.safetensors".to_owned()),
        // What is wrong with the index is said where it is read.
        Ok(index) => shards_of(&index).ok()?.into_iter().find(|name| absent(name)),
    }
}

fn has_gguf(folder: &Path) -> bool {
    let is = |name: &std::ffi::OsStr| {
        Path::new(name).extension().is_some_and(|end| end.eq_ignore_ascii_case("gguf"))
    };
    fs::read_dir(folder)
        .is_ok_and(|entries| entries.flatten().any(|entry| is(&entry.file_name()) && entry.path().is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices() {
        let read = |text: &str| shards_of(text.as_bytes());
        let two =
            r#"{"weight_map": {"a": "m-2.safetensors", "b": "m-1.safetensors", "c": "m-1.safetensors"}}"#;
        assert_eq!(read(two).unwrap(), ["m-1.safetensors", "m-2.safetensors"]);
        for name in ["../m.safetensors", "/m.safetensors", "a/m.safetensors", "m.bin", "..\\\\m.safetensors"]
        {
            let said = read(&format!(r#"{{"weight_map": {{"a": "{name}"}}}}"#)).unwrap_err();
            assert!(said.contains("no safetensors file of the folder"), "{said}");
        }
        assert!(read(r#"{"weight_map": {}}"#).is_err() && read("[").is_err());
    }

    #[test]
    fn whole_folders() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let lacks = |file: Option<&str>| missing(at, file);
        for (name, text, then) in [
            ("config.json", "{}", Some("tokenizer.json")),
            ("tokenizer.json", "{}", Some("model.safetensors")),
            (
                "model.safetensors.index.json",
                r#"{"weight_map": {"a": "s1.safetensors", "b": "s2.safetensors"}}"#,
                Some("s1.safetensors"),
            ),
            ("s1.safetensors", "", Some("s2.safetensors")),
            ("s2.safetensors", "", None),
        ] {
            fs::write(at.join(name), text).unwrap();
            assert_eq!(lacks(None).as_deref(), then, "after {name}");
        }
        assert_eq!(lacks(Some("m.gguf")).as_deref(), Some("m.gguf"));
        fs::remove_file(at.join("tokenizer.json")).unwrap();
        assert_eq!(lacks(None).as_deref(), Some("tokenizer.json"));
        for config in
            [r#"{"chronos_config": {}}"#, r#"{"model_type": "vit"}"#, r#"{"architecture": "resnet18"}"#]
        {
            fs::write(at.join("config.json"), config).unwrap();
            assert_eq!(lacks(None), None, "what reads no texts needs no tokenizer: {config}");
        }
        let gguf = tempfile::tempdir().unwrap();
        assert_eq!(missing(gguf.path(), None).as_deref(), Some("config.json"));
        fs::write(gguf.path().join("m.gguf"), "").unwrap();
        assert_eq!(missing(gguf.path(), None), None);
        assert_eq!(missing(gguf.path(), Some("m.gguf")), None);
    }
}
