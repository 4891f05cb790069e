//! Queries of addresses, read and written.

/// The pairs of a query, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pairs(Vec<(String, String)>);

impl Pairs {
    pub(crate) fn read(query: Option<&str>) -> Self {
        Self(form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect())
    }

    pub(crate) fn of<const N: usize>(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into())
    }

    /// The first value of a key that is not empty.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.all(key).next()
    }

    /// Every value of a key that is not empty.
    pub(crate) fn all(&self, key: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(own, value)| own == key && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// The same with another value of a key.
    pub(crate) fn with(&self, key: &str, value: &str) -> Self {
        let others = self.0.iter().filter(|(own, value)| own != key && !value.is_empty()).cloned();
        Self(others.chain([(key.to_owned(), value.to_owned())]).collect())
    }

    /// An address with these.
    pub(crate) fn address(&self, path: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.0);
        format!("{path}?{}", query.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let odd = "a&b=c+d%20 \u{e9}\"<>#";
        let pairs = Pairs::of([("q", odd), ("page", "2")]).with("page", "3");
        let address = pairs.address("/x");
        assert!(!address.contains(['"', '<', ' ', '#']), "{address}");
        assert_eq!(Pairs::read(address.split_once('?').map(|(_, query)| query)), pairs);
        assert_eq!((pairs.get("q"), pairs.get("page"), pairs.get("none")), (Some(odd), Some("3"), None));
    }
}
