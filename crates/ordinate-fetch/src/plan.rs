//! Which files of a model are fetched: those that are read here, and no others.

use ordinate_hub::{ModelName, is_safe};

use crate::error::FetchError;

/// What is read beside the weights.
const BESIDE: [&str; 10] = [
    "config.json",
    "preprocessor_config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "modules.json",
    "1_Pooling/config.json",
    "sentence_bert_config.json",
    "README.md",
];

/// What cuts the texts of a translator, in place of `tokenizer.json`.
const TRANSLATOR: [&str; 3] = ["source.spm", "target.spm", "vocab.json"];

/// Parts of the names of files that cut texts.
const CUTS: [&str; 5] = ["token", "vocab", "merges", ".spm", "spiece"];

/// What is wrong with a model of texts that has no `tokenizer.json`.
pub(crate) const NO_TOKENIZER: &str = "it has no tokenizer.json; it has no fast tokenizer: save one with transformers \
     (`AutoTokenizer.from_pretrained(...).save_pretrained(...)`) into a folder with the model's other files, and name that folder";

/// The weights of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Weights {
    /// One file.
    One(String),
    /// Those that this index names.
    Index(String),
}

/// The files to fetch. The weights come last, so that a folder that has them has everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Small files, in order.
    pub(crate) beside: Vec<String>,
    /// The weights.
    pub(crate) weights: Weights,
    /// Whether nothing in it cuts texts: its configuration, which is fetched before all else, has to be that of what reads none.
    pub(crate) is_without_texts: bool,
}

impl Plan {
    /// The plan for a model that has these files.
    pub(crate) fn new(name: &ModelName, files: &[String]) -> Result<Self, FetchError> {
        let has = |wanted: &str| files.iter().any(|file| file == wanted);
        let unfit = |why: String| FetchError::Unfit { name: name.to_string(), why };
        if let Some(file) = name.file() {
            if !has(file) {
                let near = ggufs(files);
                let near = if near.is_empty() { "none".to_owned() } else { listed(&near) };
                return Err(FetchError::NotFound {
                    name: name.to_string(),
                    what: format!("the model has no such file (its GGUF files: {near})"),
                    next: "name one that it has".to_owned(),
                });
            }
            return Ok(Self::gguf(file, files));
        }
        let one = "model.safetensors";
        let index = "model.safetensors.index.json";
        let weights = if has(one) {
            Weights::One(one.to_owned())
        } else if has(index) {
            Weights::Index(index.to_owned())
        } else {
            return match ggufs(files).as_slice() {
                [only] => Ok(Self::gguf(only, files)),
                [first, ..] => Err(unfit(format!(
                    "it has several GGUF files ({}); name one of them, as hf:{}/{first}",
                    listed(&ggufs(files)),
                    name.repository()
                ))),
                [] => Err(unfit(without_weights(files))),
            };
        };
        let translates = TRANSLATOR.iter().all(|file| has(file));
        if !has("config.json") {
            return Err(unfit("it has no config.json; take a model that says its architecture".to_owned()));
        }
        let is_without_texts = !cuts_texts(files);
        if !translates && !has("tokenizer.json") && !is_without_texts {
            return Err(unfit(NO_TOKENIZER.to_owned()));
        }
        let own = if translates { &TRANSLATOR[..] } else { &[] };
        let beside =
            BESIDE.iter().chain(own).filter(|file| has(file)).map(|file| (*file).to_owned()).collect();
        Ok(Self { beside, weights, is_without_texts })
    }

    /// A GGUF file brings its own configuration and template; a tokenizer beside it is taken before its own.
    fn gguf(file: &str, files: &[String]) -> Self {
        let folder = file.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        let mut beside: Vec<String> = ["tokenizer.json", "generation_config.json"]
            .iter()
            .map(|name| format!("{folder}{name}"))
            .chain(["README.md".to_owned()])
            .collect();
        beside.retain(|name| files.contains(name));
        Self { beside, weights: Weights::One(file.to_owned()), is_without_texts: false }
    }
}

/// Whether some of the files cut texts.
fn cuts_texts(files: &[String]) -> bool {
    files.iter().any(|file| CUTS.iter().any(|part| file.to_ascii_lowercase().contains(part)))
}

/// The GGUF files that can be named.
fn ggufs(files: &[String]) -> Vec<&str> {
    let is = |file: &&str| file.to_ascii_lowercase().ends_with(".gguf") && is_safe(file);
    files.iter().map(String::as_str).filter(is).collect()
}

fn listed(names: &[&str]) -> String {
    let more = if names.len() > 5 { ", ..." } else { "" };
    format!("{}{more}", names.iter().take(5).copied().collect::<Vec<_>>().join(", "))
}

fn without_weights(files: &[String]) -> String {
    let ends = |file: &&String, ends: &[&str]| {
        ends.iter().any(|end| file.rsplit_once('.').is_some_and(|(_, its)| its.eq_ignore_ascii_case(end)))
    };
    if let Some(pickle) = files.iter().find(|file| ends(file, &["bin", "pt", "pth", "pkl", "ckpt"])) {
        return format!(
            "its weights are {pickle:?}, a pickle, which can run any code when it is read, and is never fetched; take a \
             revision with model.safetensors (`@refs/pr/1` is often one that converts it), or convert it yourself and \
             name the folder"
        );
    }
    match files.iter().find(|file| ends(file, &["safetensors"])) {
        Some(other) => format!(
            "it has no model.safetensors, only {other:?} (an adapter, or part of something larger); take the model that \
             it was made for, merged"
        ),
        None => {
            "it has no weights that are read here (model.safetensors, or a GGUF file); take another model"
                .to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(name: &str, files: &[&str]) -> Result<Plan, FetchError> {
        let files: Vec<String> = files.iter().map(|file| (*file).to_owned()).collect();
        Plan::new(&ModelName::parse(name).unwrap().unwrap(), &files)
    }

    const WHOLE: [&str; 12] = [
        ".gitattributes",
        "1_Pooling/config.json",
        "README.md",
        "config.json",
        "model.safetensors",
        "modules.json",
        "onnx/model.onnx",
        "pytorch_model.bin",
        "sentence_bert_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.txt",
    ];

    #[test]
    fn only_what_is_read() {
        let fetched = plan("hf:a/b", &WHOLE).unwrap();
        assert_eq!(fetched.weights, Weights::One("model.safetensors".to_owned()));
        assert_eq!(
            fetched.beside,
            [
                "config.json",
                "tokenizer.json",
                "tokenizer_config.json",
                "modules.json",
                "1_Pooling/config.json",
                "sentence_bert_config.json",
                "README.md"
            ]
        );
        let sharded = ["config.json", "tokenizer.json", "model.safetensors.index.json", "pytorch_model.bin"];
        assert_eq!(
            plan("hf:a/b", &sharded).unwrap().weights,
            Weights::Index("model.safetensors.index.json".into())
        );
    }

    #[test]
    fn a_translator_has_vocabularies_of_its_own() {
        let files = [
            "config.json",
            "model.safetensors",
            "source.spm",
            "target.spm",
            "vocab.json",
            "pytorch_model.bin",
        ];
        assert_eq!(
            plan("hf:a/b", &files).unwrap().beside,
            ["config.json", "source.spm", "target.spm", "vocab.json"]
        );
        let said = plan("hf:a/b", &files[..4]).unwrap_err().to_string();
        assert!(said.contains("no tokenizer.json"), "{said}");
    }

    #[test]
    fn what_cuts_no_texts_is_told() {
        let bare = plan("hf:a/b", &["config.json", "model.safetensors", "preprocessor_config.json"]).unwrap();
        assert_eq!(bare.beside, ["config.json", "preprocessor_config.json"]);
        assert!(bare.is_without_texts && !plan("hf:a/b", &WHOLE).unwrap().is_without_texts);
    }

    #[test]
    fn gguf_files() {
        let files = ["README.md", "config.json", "q8/m.gguf", "q8/tokenizer.json", "tokenizer.json"];
        let one = plan("hf:a/b/q8/m.gguf", &files).unwrap();
        assert_eq!(one.weights, Weights::One("q8/m.gguf".to_owned()));
        assert_eq!(one.beside, ["q8/tokenizer.json", "README.md"]);
        assert_eq!(plan("hf:a/b", &files).unwrap(), one);
        let said = plan("hf:a/b/x.gguf", &files).unwrap_err().to_string();
        assert!(said.contains("q8/m.gguf"), "{said}");
        let said = plan("hf:a/b", &["one.gguf", "two.gguf"]).unwrap_err().to_string();
        assert!(said.contains("name one of them, as hf:a/b/one.gguf"), "{said}");
    }

    #[test]
    fn what_cannot_be_run_is_refused_before_it_is_fetched() {
        for (files, part) in [
            (&["config.json", "tokenizer.json", "pytorch_model.bin"][..], "\"pytorch_model.bin\", a pickle"),
            (&["config.json", "model.safetensors", "vocab.txt"], "no tokenizer.json"),
            (&["tokenizer.json", "model.safetensors"], "no config.json"),
            (&["adapter_config.json", "adapter_model.safetensors"], "adapter_model.safetensors"),
            (&["README.md"], "no weights"),
        ] {
            let said = plan("hf:a/b", files).unwrap_err().to_string();
            assert!(said.contains(part) && said.contains("; "), "{said}");
        }
    }
}
