//! Sums of parts, and what is judged in the place of the items.

use ordinate_core::evidence::{EvidenceBuilder, ItemFields};
use ordinate_core::{Answer, Candidate, CandidateName, Evidence, Lineage, Score};

use super::Sums;

/// Item by item: slice, and what each of two candidates came to. The second fails now and then, and was not asked about some.
fn evidence(items: std::ops::Range<usize>) -> Evidence {
    let candidate = |name: &str| Candidate::new(CandidateName::new(name).unwrap(), Lineage::General);
    let mut builder = EvidenceBuilder::new([candidate("a"), candidate("b, \"the\" other")]).unwrap();
    for at in items {
        let slice = match (at % 1_000, at % 3) {
            (0, _) => format!("rare {at}"),
            (_, 0) => "large".to_owned(),
            _ => "larger".to_owned(),
        };
        let fields = ItemFields { slice: Some(&slice), ..ItemFields::default() };
        let row = builder.add_item(&at.to_string(), fields).unwrap();
        let answer = |right: bool, cost: f64| Answer {
            score: Some(Score::new(f64::from(u8::from(right))).unwrap()),
            cost_usd: Some(cost),
            ..Answer::default()
        };
        builder.answer(row, 0, &answer(at % 7 != 0, 0.01)).unwrap();
        match at % 50 {
            0 => builder.answer(row, 1, &Answer { error: Some("away"), ..Answer::default() }).unwrap(),
            1 => {}
            _ => builder.answer(row, 1, &answer(at % 5 != 0, 0.02)).unwrap(),
        }
    }
    builder.finish().unwrap()
}

/// The mean score and cost of each candidate.
fn means(evidence: &Evidence) -> Vec<(f64, f64)> {
    let mean = |of: &dyn Fn(usize) -> Option<f64>| {
        let all: Vec<f64> = (0..evidence.len()).filter_map(of).collect();
        all.iter().sum::<f64>() / all.len() as f64
    };
    let of = |candidate: usize| {
        let answers = evidence.answers(candidate);
        (mean(&|row| answers.score(row)), mean(&|row| answers.cost_usd(row)))
    };
    (0..evidence.candidates().len()).map(of).collect()
}

fn near(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-9, "{a} {b}");
}

#[test]
fn parts_add_up_in_any_order_and_means_are_those_of_the_items() {
    for items in [30_000, 250_000] {
        let whole = Sums::of(&evidence(0..items));
        let parts = [20_000..items, 0..500, 500..20_000].map(|of| Sums::of(&evidence(of)));
        let mut sums = Sums::from_bytes(&parts[0].to_bytes().unwrap()).unwrap();
        assert_eq!(sums, parts[0]);
        parts[1..].iter().for_each(|part| sums.add(part).unwrap());
        let (judged, reduced) = sums.evidence(false).unwrap();
        for (own, of_whole) in means(&judged).iter().zip(means(&whole.evidence(false).unwrap().0)) {
            near(own.0, of_whole.0);
        }
        let right = |of: usize, but: &[usize]| {
            let asked = || (0..items).filter(|at| !but.contains(&(at % 50)));
            asked().filter(|at| at % of != 0 && at % 50 != 0).count() as f64 / asked().count() as f64
        };
        let found = means(&judged);
        near(found[0].0, (0..items).filter(|at| at % 7 != 0).count() as f64 / items as f64);
        near(found[1].0, right(5, &[1]));
        // An error is not charged.
        near(found[0].1, 0.01);
        near(found[1].1, 0.02 * 48.0 / 49.0);
        near(means(&sums.evidence(true).unwrap().0)[1].0, right(5, &[0, 1]));
        assert_eq!((reduced.items, reduced.errors), (items as u64, items as u64 / 50));
        near(reduced.asked["b, \"the\" other"], 0.98);
        // Slices of one item are slices where an item is a row.
        let small = if items == 30_000 { 0 } else { items / 1_000 };
        assert_eq!(reduced.small_slices, small);
        // Rows of a slice are rounded.
        assert!(judged.len().abs_diff(items.min(100_000)) <= 2, "{}", judged.len());
    }
}

#[test]
fn the_spread_of_blocks_is_that_of_the_items() {
    let (judged, reduced) = Sums::of(&evidence(0..250_000)).evidence(false).unwrap();
    let column = |candidate: usize| -> Vec<f64> {
        let answers = judged.answers(candidate);
        (0..judged.len()).map(|row| answers.score(row).unwrap()).collect()
    };
    let groups: Vec<u32> = judged.items().groups().codes().to_vec();
    let groups = ordinate_score::Groups::new(&groups);
    assert_eq!(groups.count(), reduced.blocks);
    let statistics = [ordinate_score::Statistic::Mean(0), ordinate_score::Statistic::Difference(0, 1)];
    let found = ordinate_score::bootstrap::by_student(&[&column(0), &column(1)], Some(&groups), &statistics);
    let a = |at: usize| !at.is_multiple_of(7);
    let b = |at: usize| !at.is_multiple_of(5) && !at.is_multiple_of(50);
    let value = |right: bool| f64::from(u8::from(right));
    let of_items: [Vec<f64>; 2] = [
        (0..250_000).map(|at| value(a(at))).collect(),
        (0..250_000).filter(|at| at % 50 != 1).map(|at| value(a(at)) - value(b(at))).collect(),
    ];
    for (found, of_items) in found.iter().zip(of_items) {
        let (count, mean) = (of_items.len() as f64, of_items.iter().sum::<f64>() / of_items.len() as f64);
        let variance = of_items.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
        let ratio = found.unwrap().se / (variance / count).sqrt();
        assert!((ratio - 1.0).abs() < 0.06, "{ratio}");
    }
}

#[test]
fn what_are_no_sums_is_refused() {
    let sums = Sums::of(&evidence(0..100));
    let bytes = sums.to_bytes().unwrap();
    for cut in [0, 7, 8, 30, bytes.len() - 1, bytes.len() - 8] {
        assert!(Sums::from_bytes(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    let mut other = sums.clone();
    other.candidates.pop();
    assert!(other.add(&sums).is_err());
}
