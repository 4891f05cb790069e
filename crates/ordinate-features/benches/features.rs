//! Time of the features of one text.

use ordinate_features::{Ngrams, Smoothing, Tfidf, duplicates, surface};

fn main() {
    divan::main();
}

const GRAMS: Ngrams = Ngrams { words: (1, 1), chars: (2, 3), bits: 16 };

/// About 430 characters, the mean of the legal questions that routing was measured on.
fn text() -> String {
    "请根据给定的案件事实和罪名，结合刑法规定，判断被告人应当承担的刑事责任，并给出刑期。\nA. 三年以下\nB. 七年"
        .repeat(8)
}

#[divan::bench]
fn ngrams(bencher: divan::Bencher<'_, '_>) {
    let text = text();
    bencher.bench_local(|| GRAMS.counts(&text));
}

#[divan::bench]
fn tfidf_and_fold(bencher: divan::Bencher<'_, '_>) {
    let counts = GRAMS.counts(&text());
    let fitted = Tfidf::fit([&counts], GRAMS.dims(), 1, Smoothing::Smooth);
    bencher.bench_local(|| fitted.transform(&counts).folded(11));
}

#[divan::bench]
fn surface_measures(bencher: divan::Bencher<'_, '_>) {
    let text = text();
    bencher.bench_local(|| surface(&text));
}

/// A hundred thousand texts of 90 characters, a tenth of them again with a word more: time is linear in their number.
#[divan::bench(sample_count = 5)]
fn duplicates_of_100_000_texts(bencher: divan::Bencher<'_, '_>) {
    let text = |item: u64| {
        let words = (0..14).map(|word| (item * 7919 + word * 104_729) % 50_021);
        words.map(|word| format!("w{word:x}")).collect::<Vec<_>>().join(" ")
    };
    let mut texts: Vec<String> = (0..90_000).map(text).collect();
    texts.extend((0..10_000).map(|item| text(9 * item) + " more"));
    bencher.bench_local(|| duplicates::group(texts.len(), |item| Some(texts[item].as_str()), None).count);
}
