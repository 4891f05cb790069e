//! Downloads from a hub on this machine that behaves, breaks and refuses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use ordinate_faults::{Asked, HubServer, Shelf};
use ordinate_fetch::{FetchError, Fetched, Hub, Settings, Token};
use ordinate_hub::{Cache, ModelName, missing};
use tempfile::TempDir;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const WEIGHTS: &str = "model.safetensors";

fn files(names: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    names.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
}

fn weights() -> Vec<u8> {
    (0..40_000_u32).flat_map(u32::to_le_bytes).collect()
}

/// A hub with a whole model, and a folder for a cache.
fn hub() -> (HubServer, TempDir) {
    let mut whole = files(&[
        ("config.json", "{}"),
        ("tokenizer.json", "{\"t\": 1}"),
        ("1_Pooling/config.json", "{\"p\": 1}"),
        ("README.md", "---\nlicense: mit\n---\n"),
        ("vocab.txt", "not read"),
        ("pytorch_model.bin", "a pickle"),
    ]);
    whole.insert(WEIGHTS.to_owned(), weights());
    let models = BTreeMap::from([("org/whole".to_owned(), whole)]);
    let shelf = Shelf { commit: COMMIT.to_owned(), models, ..Shelf::default() };
    (HubServer::start(shelf).unwrap(), tempfile::tempdir().unwrap())
}

fn name(text: &str) -> ModelName {
    ModelName::parse(text).unwrap().unwrap()
}

fn settings(hub: &HubServer, cache: &Path) -> Settings {
    Settings {
        endpoint: hub.endpoint().parse().unwrap(),
        cache: Cache::at(cache),
        token: None,
        offline: false,
    }
}

fn fetch(settings: &Settings, model: &str) -> Result<Fetched, FetchError> {
    told(settings, model, &|_| ())
}

fn told(settings: &Settings, model: &str, tell: &(dyn Fn(&str) + Sync)) -> Result<Fetched, FetchError> {
    /// A caller may hand a download to any thread.
    fn sendable<T: Send>(future: T) -> T {
        future
    }
    let hub = Hub::new(settings).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(sendable(hub.fetch(&name(model), tell)))
}

fn said(settings: &Settings, model: &str) -> String {
    fetch(settings, model).unwrap_err().to_string()
}

fn gets<'a>(asked: &'a [Asked], end: &str) -> Vec<&'a Asked> {
    asked.iter().filter(|one| one.method == "GET" && one.path.ends_with(end)).collect()
}

/// Every file under a folder with its content, by its path there; links are followed.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            found
                .extend(tree(&entry.path()).into_iter().map(|(rest, text)| (format!("{name}/{rest}"), text)));
        } else {
            found.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    found
}

/// What the cache holds where nothing may be there under a final name.
fn blobs(cache: &Path) -> Vec<String> {
    fs::read_dir(cache.join("models--org--whole/blobs")).map_or_else(
        |_| Vec::new(),
        |entries| entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect(),
    )
}

#[test]
fn what_is_needed_and_no_more_and_once() {
    let (server, desk) = hub();
    let settings = settings(&server, desk.path());
    let lines = std::sync::Mutex::new(Vec::new());
    let tell = |line: &str| lines.lock().unwrap().push(line.to_owned());
    let fetched = told(&settings, "hf:org/whole", &tell).unwrap();
    assert_eq!(fetched.snapshot.commit, COMMIT);
    assert_eq!(
        lines.lock().unwrap().as_slice(),
        ["fetching hf:org/whole (commit 01234567): 5 files, 160.0 kB"]
    );
    let mut expected = files(&[
        ("config.json", "{}"),
        ("tokenizer.json", "{\"t\": 1}"),
        ("1_Pooling/config.json", "{\"p\": 1}"),
        ("README.md", "---\nlicense: mit\n---\n"),
    ]);
    expected.insert(WEIGHTS.to_owned(), weights());
    assert_eq!(tree(&fetched.snapshot.folder), expected);
    assert_eq!(fetched.bytes, expected.values().map(|content| content.len() as u64).sum::<u64>());
    let repository = desk.path().join("models--org--whole");
    assert_eq!(fs::read_to_string(repository.join("refs/main")).unwrap(), COMMIT);
    assert_eq!(fetched.snapshot.folder, repository.join("snapshots").join(COMMIT));
    let mut names = blobs(desk.path());
    names.sort_by_key(String::len);
    assert_eq!(names.iter().map(String::len).collect::<Vec<_>>(), [40, 40, 40, 40, 64]);
    assert_eq!(settings.cache.whole(&name("hf:org/whole")), Some(fetched.snapshot.clone()));
    #[cfg(unix)]
    assert_eq!(
        fs::read_link(fetched.snapshot.folder.join("1_Pooling/config.json")).unwrap().parent().unwrap(),
        Path::new("../../../blobs")
    );

    // Once more: the hub is asked what the revision is, and for no file.
    let _ = server.asked();
    let again = fetch(&settings, "hf:org/whole").unwrap();
    assert_eq!((again.snapshot, again.bytes), (fetched.snapshot.clone(), 0));
    let asked: Vec<String> = server.asked().into_iter().map(|one| one.path).collect();
    assert_eq!(asked, ["/api/models/org/whole/revision/main"]);

    // A new commit brings what is new.
    let next = COMMIT.replace('0', "f");
    server.change(|shelf| {
        shelf.commit.clone_from(&next);
        let model = shelf.models.get_mut("org/whole").unwrap();
        model.insert("config.json".to_owned(), b"{\"new\": 1}".to_vec());
    });
    let newer = fetch(&settings, "hf:org/whole").unwrap();
    assert_eq!((newer.snapshot.commit.as_str(), newer.bytes), (next.as_str(), 10));
    assert_eq!(gets(&server.asked(), WEIGHTS).len(), 0);
    assert_eq!(fs::read(newer.snapshot.folder.join(WEIGHTS)).unwrap(), weights());
    assert_eq!(fs::read(fetched.snapshot.folder.join("config.json")).unwrap(), b"{}");
    assert_eq!(settings.cache.find(&name("hf:org/whole")).unwrap().commit, next);
    assert_eq!(settings.cache.find(&name(&format!("hf:org/whole@{COMMIT}"))).unwrap().commit, COMMIT);
}

#[test]
fn a_download_that_is_cut_goes_on() {
    let (server, desk) = hub();
    let settings = settings(&server, desk.path());
    // One cut is not even told.
    server.change(|shelf| {
        shelf.cuts.insert(WEIGHTS.to_owned(), (50_000, 1));
    });
    let fetched = fetch(&settings, "hf:org/whole").unwrap();
    assert_eq!(fs::read(fetched.snapshot.folder.join(WEIGHTS)).unwrap(), weights());
    let asked = server.asked();
    let ranges: Vec<_> =
        gets(&asked, WEIGHTS).iter().filter(|one| one.elsewhere).map(|one| one.range.clone()).collect();
    assert_eq!(ranges, [None, Some("bytes=50000-".to_owned())]);

    // A run that ends after three tries leaves nothing that looks whole, and the next one goes on.
    let other = tempfile::tempdir().unwrap();
    let settings = Settings { cache: Cache::at(other.path()), ..settings };
    server.change(|shelf| {
        shelf.cuts.insert(WEIGHTS.to_owned(), (50_000, 99));
    });
    let said = said(&settings, "hf:org/whole");
    assert!(said.contains(WEIGHTS) && said.contains("run the same again"), "{said}");
    let left = blobs(other.path());
    assert_eq!(left.iter().filter(|name| name.ends_with(".incomplete")).count(), 1, "{left:?}");
    assert!(left.iter().all(|name| name.len() == 40 || name.ends_with(".incomplete")), "{left:?}");
    let folder = other.path().join("models--org--whole/snapshots").join(COMMIT);
    assert_eq!(missing(&folder, None).as_deref(), Some(WEIGHTS));
    assert_eq!(settings.cache.find(&name("hf:org/whole")), None, "the revision means nothing yet");
    let _ = server.asked();
    server.change(|shelf| shelf.cuts.clear());
    let fetched = fetch(&settings, "hf:org/whole").unwrap();
    assert_eq!(fs::read(fetched.snapshot.folder.join(WEIGHTS)).unwrap(), weights());
    let asked = server.asked();
    assert_eq!(gets(&asked, WEIGHTS)[0].range.as_deref(), Some("bytes=150000-"));
    assert_eq!(gets(&asked, "config.json").len(), 0);
    assert!(blobs(other.path()).iter().all(|name| !name.ends_with(".incomplete")));
}

/// What an earlier try left may be anything.
#[test]
fn rubbish_of_an_earlier_try_is_not_gone_on_with() {
    let (server, desk) = hub();
    let settings = settings(&server, desk.path());
    let done = fetch(&settings, "hf:org/whole").unwrap();
    let link = done.snapshot.folder.join(WEIGHTS);
    let blob = link.canonicalize().unwrap();
    for left in [&b"rubbish"[..], &vec![7; weights().len()], &vec![7; weights().len() + 9], b""] {
        fs::remove_file(&blob).unwrap();
        fs::write(format!("{}.incomplete", blob.display()), left).unwrap();
        fetch(&settings, "hf:org/whole").unwrap();
        assert_eq!(fs::read(&link).unwrap(), weights(), "{} bytes", left.len());
    }
}

#[test]
fn what_is_damaged_is_thrown_away() {
    let (server, desk) = hub();
    let settings = settings(&server, desk.path());
    server.change(|shelf| shelf.damaged.push(WEIGHTS.to_owned()));
    let said = said(&settings, "hf:org/whole");
    assert!(said.contains("SHA-256") && said.contains(WEIGHTS) && said.contains("fetch it again"), "{said}");
    assert!(blobs(desk.path()).iter().all(|name| name.len() == 40), "{:?}", blobs(desk.path()));
    assert_eq!(settings.cache.find(&name("hf:org/whole")), None);
    server.change(|shelf| shelf.damaged.clear());
    assert!(fetch(&settings, "hf:org/whole").is_ok());
}

#[test]
fn the_token_goes_to_the_hub_alone() {
    let (server, desk) = hub();
    let token = "hf_abcdefghijklmnop";
    server.change(|shelf| shelf.token = Some(token.to_owned()));
    let mut settings = settings(&server, desk.path());
    let none = said(&settings, "hf:org/whole");
    assert!(
        none.contains("HTTP 401") && none.contains("accept its licence") && none.contains("set HF_TOKEN"),
        "{none}"
    );
    assert!(none.contains(&format!("{}/org/whole", server.endpoint())), "{none}");
    settings.token = Token::of("hf_of-somebody-else");
    let other = said(&settings, "hf:org/whole");
    assert!(other.contains("HTTP 403") && other.contains("the token of HF_TOKEN"), "{other}");
    assert!(!other.contains("somebody") && other.contains("[token]"), "{other}");
    settings.token = Token::of(token);
    let _ = server.asked();
    fetch(&settings, "hf:org/whole").unwrap();
    let asked = server.asked();
    let (elsewhere, own): (Vec<_>, Vec<_>) = asked.iter().partition(|one| one.elsewhere);
    assert_eq!(elsewhere.len(), 1, "the weights come from the other host");
    assert_eq!(elsewhere[0].authorization, None);
    assert!(own.iter().all(|one| one.authorization.as_deref() == Some(&format!("Bearer {token}"))));
    for (path, content) in tree(desk.path()) {
        assert!(!String::from_utf8_lossy(&content).contains(token), "{path}");
    }
}

#[test]
fn what_is_not_there_is_told_apart() {
    let (server, desk) = hub();
    let mut settings = settings(&server, desk.path());
    server.change(|shelf| {
        let pickle = files(&[("config.json", "{}"), ("tokenizer.json", "{}"), ("pytorch_model.bin", "x")]);
        shelf.models.insert("org/pickle".to_owned(), pickle);
        let index = r#"{"weight_map": {"a": "../../../etc/x.safetensors"}}"#;
        let outside = files(&[
            ("config.json", "{}"),
            ("tokenizer.json", "{}"),
            ("model.safetensors.index.json", index),
        ]);
        shelf.models.insert("org/outside".to_owned(), outside);
        let bare = files(&[("config.json", r#"{"model_type": "bert"}"#), (WEIGHTS, "x")]);
        shelf.models.insert("org/bare".to_owned(), bare);
        let series = files(&[("config.json", r#"{"chronos_config": {}}"#), (WEIGHTS, "x")]);
        shelf.models.insert("org/series".to_owned(), series);
    });
    for (model, part) in [
        ("hf:org/none", "no such model"),
        ("hf:org/whole@v9", "no revision \"v9\""),
        ("hf:org/whole/x.gguf", "no such file"),
        ("hf:org/pickle", "a pickle"),
        ("hf:org/outside", "no safetensors file of the folder"),
        ("hf:org/bare", "it has no tokenizer.json"),
    ] {
        let error = fetch(&settings, model).unwrap_err();
        let said = error.to_string();
        assert!(said.contains(part) && said.contains(model) && error.is_input(), "{said}");
    }
    let asked = server.asked();
    assert_eq!(gets(&asked, "pytorch_model.bin").len(), 0);
    assert_eq!(gets(&asked, WEIGHTS).len(), 0, "what reads texts and cannot cut them is not fetched");
    assert!(fetch(&settings, "hf:org/series").unwrap().bytes > 0, "what reads none needs no tokenizer");
    let _ = server.asked();
    settings.offline = true;
    let error = fetch(&settings, "hf:org/whole").unwrap_err();
    assert!(error.is_input() && error.to_string().contains("HF_HUB_OFFLINE"), "{error}");
    assert_eq!(server.asked(), [], "offline asks nothing");
    // What is whole is there offline too.
    settings.offline = false;
    let fetched = fetch(&settings, "hf:org/whole").unwrap();
    settings.offline = true;
    assert_eq!(fetch(&settings, "hf:org/whole").unwrap().snapshot, fetched.snapshot);
    fs::remove_file(fetched.snapshot.folder.join(WEIGHTS)).unwrap();
    let said = said(&settings, "hf:org/whole");
    assert!(said.contains("has no model.safetensors"), "{said}");
}

#[test]
fn nobody_there_and_a_busy_hub() {
    let (server, desk) = hub();
    let mut settings = settings(&server, desk.path());
    // A pause or two help.
    server.change(|shelf| shelf.busy = 2);
    fetch(&settings, "hf:org/whole").unwrap();
    server.change(|shelf| shelf.busy = 9);
    let error = fetch(&settings, "hf:org/whole").unwrap_err();
    assert!(!error.is_input() && error.to_string().contains("HTTP 503"), "{error}");
    // A port that nobody listens at.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    settings.endpoint = format!("http://{port}").parse().unwrap();
    let error = fetch(&settings, "hf:org/whole").unwrap_err();
    let said = error.to_string();
    assert!(!error.is_input() && said.contains(&port.to_string()) && said.contains("HF_ENDPOINT"), "{said}");
}

/// A model that was renamed is found under its older name, and by the hub's own redirects the token goes along.
#[test]
fn a_renamed_model() {
    let (server, desk) = hub();
    server.change(|shelf| {
        shelf.moved.insert("org/former".to_owned(), "org/whole".to_owned());
        shelf.token = Some("hf_abc".to_owned());
    });
    let settings = Settings { token: Token::of("hf_abc"), ..settings(&server, desk.path()) };
    let fetched = fetch(&settings, "hf:org/former").unwrap();
    assert_eq!(fs::read(fetched.snapshot.folder.join(WEIGHTS)).unwrap(), weights());
    assert_eq!(settings.cache.whole(&name("hf:org/former")), Some(fetched.snapshot));
}

/// Shards are those that the index names.
#[test]
fn shards() {
    let (server, desk) = hub();
    let settings = settings(&server, desk.path());
    let index = r#"{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}"#;
    server.change(|shelf| {
        let names = [
            ("config.json", "{}"),
            ("tokenizer.json", "{}"),
            ("model.safetensors.index.json", index),
            ("model-1.safetensors", "one"),
            ("model-2.safetensors", "two"),
            ("other.safetensors", "not read"),
        ];
        shelf.models.insert("org/two".to_owned(), files(&names));
    });
    let fetched = fetch(&settings, "hf:org/two").unwrap();
    let names: Vec<String> = tree(&fetched.snapshot.folder).into_keys().collect();
    assert_eq!(
        names,
        [
            "config.json",
            "model-1.safetensors",
            "model-2.safetensors",
            "model.safetensors.index.json",
            "tokenizer.json"
        ]
    );
    server.change(|shelf| drop(shelf.models.get_mut("org/two").unwrap().remove("model-2.safetensors")));
    let other = tempfile::tempdir().unwrap();
    let said = said(&Settings { cache: Cache::at(other.path()), ..settings }, "hf:org/two");
    assert!(said.contains("model-2.safetensors"), "{said}");
}

/// Runs at one time wait for each other, and fetch once.
#[test]
fn runs_at_one_time() {
    let (server, desk) = hub();
    let settings = settings(&server, desk.path());
    server.change(|shelf| shelf.pause = Duration::from_millis(400));
    std::thread::scope(|scope| {
        let runs: Vec<_> =
            (0..4).map(|_| scope.spawn(|| fetch(&settings, "hf:org/whole").unwrap())).collect();
        for run in runs {
            let fetched = run.join().unwrap();
            assert_eq!(fs::read(fetched.snapshot.folder.join(WEIGHTS)).unwrap(), weights());
        }
    });
    let asked = server.asked();
    assert_eq!(gets(&asked, WEIGHTS).iter().filter(|one| one.elsewhere).count(), 1);
    assert!(blobs(desk.path()).iter().all(|name| !name.ends_with(".incomplete")));
}
