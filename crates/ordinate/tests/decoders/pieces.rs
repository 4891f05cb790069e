//! Decoders whose answers, and trainings, are made piece by piece.

use super::adapted::adapted;
use super::*;

/// What was answered piece by piece, on whatever machine, is what a run would have answered itself, and it asks nobody.
#[tokio::test]
async fn answers_come_in_pieces() {
    // The last two are asked alike.
    let item =
        |at: usize| format!(r#"{{"id":"i{at}","text":"{}","label":"l{}"}}"#, input(at.min(22)), at % 2);
    let desk = desk("classify", item, "{{ input }}", "");
    let text = std::fs::read_to_string(desk.path("t.toml")).unwrap();
    let few = "[[candidate]]\nname = \"few\"\nlineage = \"vertical\"\nlocal = { model = \"ngram-linear\", examples = 8 }\n";
    desk.write("t.toml", text + few);
    let task = desk.path("t.toml");
    let whole = desk.verdict(&task, &[]);
    std::fs::rename(desk.path("cache"), desk.path("other")).unwrap();
    let options = Options { cache: Some(desk.path("cache")), ..Options::default() };
    let read = read_task(&task).unwrap();
    let names: Vec<CandidateName> =
        ["one", "two", "few"].map(|name| CandidateName::try_from(name.to_owned()).unwrap()).into();
    let of_all = || answer_pieces(&read, &names, &options).unwrap();
    let pieces = of_all();
    assert_eq!(pieces[2], None, "what is trained on the items is not answered by parts of them");
    let maker = AnswerMaker::default();
    for (name, pieces) in names.iter().zip(pieces.into_iter().flatten()) {
        assert_eq!(pieces.iter().map(|piece| piece.rows.len()).collect::<Vec<_>>(), [16, 7]);
        assert!(pieces.iter().all(|piece| !piece.is_kept));
        maker.open(name.as_str(), &read, name, &Options::default()).unwrap();
        for piece in &pieces {
            let made = maker.make(name.as_str(), &piece.key, &piece.rows).await.unwrap();
            keep_answers(&piece.key, &made, &options).unwrap();
        }
        let other = maker.make(name.as_str(), &pieces[0].key, &pieces[1].rows).await.unwrap_err().to_string();
        assert!(other.contains("put the same there"), "{other}");
        let none = maker.make(name.as_str(), &pieces[0].key, &[99]).await.unwrap_err().to_string();
        assert!(none.contains("put the same there"), "{none}");
    }
    assert!(maker.has("two") && !maker.has("one"), "two models may not fit into memory");
    assert!(of_all()[..2].iter().flatten().flatten().all(|piece| piece.is_kept));
    let ran = desk.ordinate(["run", "t.toml", "--out", "pieces", "--json"]);
    for name in ["one", "two"] {
        assert!(ran.stderr().contains(&format!("{name}: answers of an earlier run")), "{}", ran.stderr());
    }
    let parts: Value = serde_json::from_str(&ran.stdout()).unwrap();
    for name in ["one", "two", "few"] {
        let quality = |verdict: &Value| named(verdict, "candidates", name)["quality"].clone();
        assert_eq!(quality(&parts), quality(&whole), "{name}");
    }
    // All is kept under the name of the whole now.
    assert_eq!(of_all()[..2], [Some(Vec::new()), Some(Vec::new())]);
}

/// Of what is trained for each fold, each training is a piece, and so is the model of all items: together they are what a run makes.
#[tokio::test]
async fn trainings_come_in_pieces() {
    let desk = adapted("classify", ["w30", "w31 w32", "w31"], ", epochs = 2, batch_size = 8");
    let text = std::fs::read_to_string(desk.path("t.toml")).unwrap();
    let (head, tuned) = text.split_once("[[candidate]]\nname = \"plain\"").unwrap();
    let tuned = &tuned[tuned.find("[[candidate]]").unwrap()..];
    let head = head.replace("train = \"train.jsonl\"\ntest = \"test.jsonl\"", "items = \"test.jsonl\"");
    let few = "[[candidate]]\nname = \"few\"\nlineage = \"vertical\"\nlocal = { model = \"ngram-linear\", examples = 8 }\n";
    let task = desk.write("t.toml", format!("{head}{few}{tuned}"));
    let whole = desk.verdict(&task, &[]);
    std::fs::rename(desk.path("cache"), desk.path("other")).unwrap();
    let options = |cache: &str| Options { cache: Some(desk.path(cache)), ..Options::default() };
    let read = read_task(&task).unwrap();
    let tuned = CandidateName::try_from("tuned".to_owned()).unwrap();
    let of_all =
        || answer_pieces(&read, std::slice::from_ref(&tuned), &options("cache")).unwrap().remove(0).unwrap();
    let pieces = of_all();
    let mut rows: Vec<u32> = pieces.iter().flat_map(|piece| piece.rows.clone()).collect();
    rows.sort_unstable();
    assert_eq!((pieces.len(), rows), (6, (0..60).collect()));
    let folders = |cache: &str| {
        let entries = std::fs::read_dir(desk.path(cache)).map(|all| all.map(|entry| entry.unwrap().path()));
        entries.into_iter().flatten().filter(|path| path.join("manifest.json").is_file()).collect::<Vec<_>>()
    };
    for (at, piece) in pieces.iter().enumerate() {
        // As many machines.
        let (maker, own) = (AnswerMaker::default(), format!("worker-{at}"));
        std::fs::create_dir_all(desk.path(&own).join("local")).unwrap();
        maker.open("it", &read, &tuned, &options(&own)).unwrap();
        if piece.rows.is_empty() {
            maker.put_away("it").await.unwrap();
            let [model] = &folders(&format!("{own}/local"))[..] else { panic!("no model") };
            let to = desk.path("cache/local").join(&piece.key);
            assert_eq!(model.file_name(), to.file_name());
            std::fs::create_dir_all(desk.path("cache/local")).unwrap();
            std::fs::rename(model, to).unwrap();
        } else {
            let made = maker.make("it", &piece.key, &piece.rows).await.unwrap();
            assert!(folders(&format!("{own}/local")).is_empty(), "it trained for items of others");
            keep_answers(&piece.key, &made, &options("cache")).unwrap();
        }
        assert_eq!(of_all().iter().filter(|piece| piece.is_kept).count(), at + 1);
    }
    let [model] = &folders("cache/local")[..] else { panic!("no model") };
    let written =
        |model: &PathBuf| std::fs::metadata(model.join("manifest.json")).unwrap().modified().unwrap();
    let before = written(model);
    let ran = desk.ordinate(["run", "t.toml", "--out", "pieces", "--json"]);
    assert!(ran.stderr().contains("tuned: answers of an earlier run"), "{}", ran.stderr());
    assert_eq!(written(model), before);
    let parts: Value = serde_json::from_str(&ran.stdout()).unwrap();
    let quality = |verdict: &Value| named(verdict, "candidates", "tuned")["quality"].clone();
    assert_eq!(quality(&parts), quality(&whole));
    let weights = |run: &str| {
        let model = desk.path(run).join("models/tuned");
        std::fs::read(model.join("adapter_model.safetensors")).unwrap()
    };
    assert_eq!(weights("pieces"), weights("run"));
}
