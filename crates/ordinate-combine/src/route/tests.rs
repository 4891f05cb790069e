//! Routing on texts whose words decide.

use ordinate_core::evidence::{EvidenceBuilder, ItemFields};
use ordinate_core::{Answer, Candidate, CandidateName, Lineage, Score};

use super::*;
use crate::artefact::Artefact;
use crate::replay::replay;
use crate::testing;

/// Two candidates, scores 0 and 1: the first is right on questions of contract, the second on those of crime,
/// but for every tenth item. Slices, if any, tell nothing.
fn questions(slices: bool) -> Evidence {
    let named =
        ["civil", "criminal"].map(|name| Candidate::new(CandidateName::new(name).unwrap(), Lineage::General));
    let mut builder = EvidenceBuilder::new(named).unwrap();
    for i in 0..300_usize {
        let contract = (i / 3) % 2 == 0;
        let topic = if contract { "合同纠纷 contract breach" } else { "盗窃罪 theft sentence" };
        let input = format!("第{i}题 {topic} {}", "请回答。".repeat(1 + i % 4));
        let slice = slices.then_some(["甲", "b"][i % 2]);
        let fields = ItemFields { slice, input: Some(&input), ..Default::default() };
        let row = builder.add_item(&i.to_string(), fields).unwrap();
        for candidate in 0..2 {
            let right = (contract == (candidate == 0)) != (i % 10 == 0);
            let answer = Answer {
                score: Some(Score::new(f64::from(u8::from(right))).unwrap()),
                cost_usd: Some(0.001 * (candidate + 1) as f64 * input.chars().count() as f64),
                ..Default::default()
            };
            builder.answer(row, candidate, &answer).unwrap();
        }
    }
    builder.finish().unwrap()
}

fn halves(evidence: &Evidence) -> (View<'_>, Vec<usize>) {
    let (train, test) = (0..evidence.len()).partition(|row| row % 7 != 0);
    (View { evidence, rows: train }, test)
}

#[test]
fn every_family_reads_what_decides() {
    for slices in [true, false] {
        let evidence = questions(slices);
        let (train, test) = halves(&evidence);
        let learners = RouteLearner::single_families().into_iter().chain([RouteLearner::default()]);
        for learner in learners {
            let policy = learner.fit(&train, &Context::default()).unwrap();
            let played = replay(policy.as_ref(), &evidence, &test, &[Dial(0.0)]);
            let mean = played[0].quality.iter().sum::<f64>() / test.len() as f64;
            assert!(mean > 0.75, "{} with slices {slices}: {mean}", learner.name());
        }
    }
}

#[test]
fn a_saved_route_decides_alike() {
    let evidence = questions(true);
    let (train, _) = halves(&evidence);
    let dials = [Dial(0.0), Dial(3.0), Dial(20.0)];
    for learner in RouteLearner::single_families().into_iter().chain([RouteLearner::default()]) {
        let policy = learner.fit(&train, &Context::default()).unwrap();
        let rows = evidence.view().rows;
        let thoughts = |policy: &dyn Policy| -> Vec<Thought> {
            rows.iter().map(|&row| policy.think(&evidence.items().query(row))).collect()
        };
        let decisions = |policy: &dyn Policy| {
            let given: Vec<Vec<u16>> =
                replay(policy, &evidence, &rows, &dials).into_iter().map(|played| played.given).collect();
            (thoughts(policy), given)
        };
        let before = decisions(policy.as_ref());
        let text = Artefact { name: learner.name(), policy, dial: dials[1], mix: None, promise: None }
            .to_json()
            .unwrap();
        let loaded = Artefact::from_json(&text).unwrap();
        assert_eq!(loaded.to_json().unwrap(), text);
        let after = decisions(loaded.policy.as_ref());
        assert!(before == after, "{} decides otherwise once loaded", learner.name());
    }
}

#[test]
fn the_same_whatever_the_number_of_threads() {
    let evidence = questions(true);
    let fit = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            RouteLearner::default().fit(&evidence.view(), &Context::default()).unwrap().save().unwrap()
        })
    };
    assert_eq!(fit(1), fit(3));
}

#[test]
fn without_texts_or_with_few_it_says_why() {
    let rows: Vec<_> = (0..100).map(|_| ("a", None, vec![Some(0.5), Some(0.1)])).collect();
    let bare = testing::evidence(2, &rows);
    let why = RouteLearner::default().applies(&bare).unwrap_err().why;
    assert!(why.contains("input"), "{why}");
    let evidence = questions(false);
    let few = View { evidence: &evidence, rows: (0..MIN_ITEMS - 1).collect() };
    let why = RouteLearner::default().fit(&few, &Context::default()).unwrap_err().why;
    assert!(why.contains("59"), "{why}");
}

#[test]
fn an_item_unlike_any_other_gets_what_the_lookup_says() {
    let evidence = questions(true);
    let policy = RouteLearner::default().fit(&evidence.view(), &Context::default()).unwrap();
    let bare = policy.think(&Query { slice: Some("甲"), ..Query::default() });
    let lookup = BySlice::fit(&evidence.view(), ordinate_trials::Outlay::Cost);
    assert_eq!(bare.quality, lookup.expected(Some("甲")).quality);
    for query in [
        Query { input: Some(""), ..Query::default() },
        Query { input: Some("zzz"), slice: Some("unseen"), notes: None },
    ] {
        let thought = policy.think(&query);
        assert!(thought.quality.iter().chain(&thought.outlay).all(|value| value.is_finite()), "{thought:?}");
    }
}

/// Among some of the candidates the same fit is another policy, as it is and saved; and it is played as if by itself.
#[test]
fn a_route_among_some_asks_nobody_else() {
    let evidence = questions(true);
    let (train, test) = halves(&evidence);
    let whole = RouteLearner::default().fit(&train, &Context::default()).unwrap();
    let narrow = whole.narrowed(&[1]).unwrap();
    assert_eq!(narrow.candidates(), &whole.candidates()[1..]);
    let artefact =
        Artefact { name: "route".into(), policy: narrow, dial: Dial(0.0), mix: None, promise: None };
    let loaded = Artefact::from_json(&artefact.to_json().unwrap()).unwrap();
    let dials = [Dial(0.0), Dial(10.0)];
    let alone = replay(loaded.policy.as_ref(), &evidence, &test, &dials);
    let query = evidence.items().query(test[0]);
    assert_eq!(loaded.policy.think(&query), whole.think(&query).of(&[1]));
    assert_eq!(alone[0].asked, [0, test.len()]);
    let each = crate::replay::record_each(
        whole.as_ref(),
        &evidence,
        &test,
        &[(None, &dials[..]), (Some(&[1][..]), &dials[..])],
    );
    let board = ordinate_trials::Board::new(&evidence, &test, None);
    let priced = ordinate_trials::Priced::new(&board, &[]);
    let of = |number: usize| priced.played(&each[number], &|_| ordinate_trials::Pick::at(0));
    assert_eq!(of(1).given, alone[0].given);
    assert_eq!(of(0).given, replay(whole.as_ref(), &evidence, &test, &dials)[0].given);
}
