//! Names of classes: data sets of the Hugging Face hub store a `ClassLabel` as a number, and its names in the file's
//! metadata (`huggingface`, as `datasets.Features.to_dict` writes it).

use std::collections::BTreeMap;

use parquet::file::metadata::ParquetMetaData;
use serde_json::Value;

/// The names of the classes, by column.
pub(crate) struct ClassNames(BTreeMap<String, Vec<String>>);

impl ClassNames {
    pub(super) fn of(metadata: &ParquetMetaData) -> Self {
        let pairs = metadata.file_metadata().key_value_metadata();
        let text =
            pairs.and_then(|pairs| pairs.iter().find(|pair| pair.key == "huggingface")?.value.as_deref());
        Self(text.map(parse).unwrap_or_default())
    }

    pub(super) fn get(&self, column: &str) -> Option<&[String]> {
        self.0.get(column).map(Vec::as_slice)
    }
}

/// The features with names, of the metadata's JSON. What is not as expected has none: it is other people's metadata.
fn parse(text: &str) -> BTreeMap<String, Vec<String>> {
    let json: Value = serde_json::from_str(text).unwrap_or_default();
    let features = json.get("info").unwrap_or(&json).get("features").and_then(Value::as_object);
    let names = |feature: &Value| -> Option<Vec<String>> {
        // A list of labels: `{"feature": {...}, "_type": "Sequence"}`, in older versions `[{...}]`.
        let feature = feature.get("feature").or_else(|| feature.get(0)).unwrap_or(feature);
        if feature.get("_type")?.as_str()? != "ClassLabel" {
            return None;
        }
        feature.get("names")?.as_array()?.iter().map(|name| Some(name.as_str()?.to_owned())).collect()
    };
    features
        .into_iter()
        .flatten()
        .filter_map(|(column, feature)| Some((column.clone(), names(feature)?)))
        .filter(|(_, names)| !names.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn class_labels_and_lists_of_them() {
        let text = r#"{"info": {"features": {
            "label": {"names": ["negative", "positive"], "_type": "ClassLabel"},
            "tags": {"feature": {"names": ["a", "b"], "_type": "ClassLabel"}, "_type": "List"},
            "text": {"dtype": "string", "_type": "Value"}}}}"#;
        let found = parse(text);
        assert_eq!(found.keys().collect::<Vec<_>>(), ["label", "tags"]);
        assert_eq!(found["label"], ["negative", "positive"]);
        for odd in
            ["", "[]", "{\"info\": 3}", r#"{"info": {"features": {"label": {"_type": "ClassLabel"}}}}"#]
        {
            assert!(parse(odd).is_empty(), "{odd}");
        }
    }
}
