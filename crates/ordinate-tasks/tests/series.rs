//! The errors of forecasts equal the formulas of the M4 competition, computed by numpy (`tests/golden/make_series.py`), those of their
//! quantiles equal GluonTS and utilsforecast (`tests/golden/make_quantiles.py`), and what becomes of them as scores.

#![allow(clippy::unwrap_used, clippy::panic)]

use ordinate_core::{Output, OutputKind, Series};
use ordinate_tasks::kinds::Forecast;
use ordinate_tasks::metric::{Target, errors};
use ordinate_tasks::{MetricError, Scorer};
use serde_json::{Value, json};

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn errors_are_those_of_the_competitions() {
    let path = format!("{}/tests/golden/series.json", env!("CARGO_MANIFEST_DIR"));
    let cases: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(cases.len() > 40);
    for case in &cases {
        let (target, forecast) = (numbers(&case["target"]), numbers(&case["forecast"]));
        let season = u32::try_from(case["season"].as_u64().unwrap()).unwrap();
        let horizon = u32::try_from(target.len()).unwrap();
        let past = Series { values: numbers(&case["past"]), season, horizon, quantiles: Vec::new() };
        let (output, right) =
            (Output::Series(forecast.clone()).to_string(), Output::Series(target.clone()).to_string());
        let input = past.to_string();
        for (name, ours, score) in [
            (
                "smape",
                Some(errors::smape(&forecast, &target)),
                (|error| 1.0 - error / 200.0) as fn(f64) -> f64,
            ),
            ("mase", errors::mase(&forecast, &target, &past), |error| 1.0 / (1.0 + error)),
            ("rmsse", errors::rmsse(&forecast, &target, &past), |error| 1.0 / (1.0 + error)),
        ] {
            let theirs = case["errors"][name].as_f64().unwrap();
            let ours = ours.unwrap();
            assert!(
                (ours - theirs).abs() <= 1e-6 * theirs.max(1.0),
                "{name}: {ours} is not {theirs} in {case}"
            );
            let scored = Scorer::of(&Forecast, Some(name)).unwrap().score(&output, &right, Some(&input));
            assert!((scored - score(theirs)).abs() <= 1e-6, "{name}: {scored} of {theirs}");
        }
    }
}

#[test]
fn losses_of_quantiles_are_those_of_gluonts() {
    let path = format!("{}/tests/golden/quantiles.json", env!("CARGO_MANIFEST_DIR"));
    let cases: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(cases.len() >= 15);
    let near = |ours: f64, theirs: &Value, what: &Value| {
        let theirs = theirs.as_f64().unwrap();
        assert!((ours - theirs).abs() <= 1e-6 * theirs.max(1.0), "{ours} is not {theirs} in {what}");
    };
    let scorer = Scorer::of(&Forecast, Some("wql")).unwrap();
    for case in &cases {
        let levels = numbers(&case["levels"]);
        let (mut loss, mut magnitude) = (0.0, 0.0);
        for one in case["series"].as_array().unwrap() {
            let target = numbers(&one["target"]);
            let text = json!({"values": one["values"], "quantiles": one["quantiles"]}).to_string();
            let Some(output @ Output::Forecast(_)) = OutputKind::Series.read(&text) else { panic!("{text}") };
            let own = errors::quantile_loss(&output, &target, &levels).unwrap();
            near(own / errors::magnitude(&target), &one["wql"], one);
            loss += own;
            magnitude += errors::magnitude(&target);
            let Output::Forecast(forecast) = &output else { panic!("{output}") };
            near(errors::coverage(forecast.interval().unwrap(), &target), &one["coverage"], one);
            let past = Series { values: vec![1.0], season: 1, horizon: 1, quantiles: levels.clone() };
            let right = Output::Series(target).to_string();
            let scored = scorer.score(&text, &right, Some(&past.to_string()));
            near(1.0 / scored - 1.0, &one["wql"], one);
        }
        near(loss / magnitude, &case["wql"], case);
    }
}

/// The quantiles of a forecast without any are its values, and its loss is that of its absolute errors.
#[test]
fn forecasts_without_quantiles_are_sure() {
    let score =
        |output: &str| Scorer::of(&Forecast, Some("WQL")).unwrap().score(output, "[10, -20, 30]", None);
    let sure = score("[12, -20, 26]");
    assert!((1.0 / sure - 1.0 - 6.0 / 60.0).abs() < 1e-12, "{sure}");
    // Right bounds are worth more, and wide ones less.
    let bounded = |low: i32, high: i32| {
        let around = |by: i32| [12 + by, -20 + by, 26 + by];
        score(&json!({"values": [12, -20, 26], "quantiles": {"0.1": around(low), "0.5": around(0), "0.9": around(high)}}).to_string())
    };
    assert!(bounded(-3, 4) > sure && bounded(-90, 90) < sure);
    assert!(score("[1]").abs() < 1e-12);
}

#[test]
fn what_cannot_be_measured_says_so() {
    let fitted = |metric: &str, input: &str, text: &str| {
        let target = Target { id: "s7", text, input: Some(input), learnt_from: true };
        Scorer::of(&Forecast, Some(metric)).unwrap().fitted([target]).map(drop)
    };
    let past = |values: &str, season: u32| format!(r#"{{"values":{values},"season":{season},"horizon":1}}"#);
    assert_eq!(fitted("mase", &past("[1, 2]", 1), "[3]"), Ok(()));
    let zeros = fitted("wql", &past("[1, 2]", 1), "[0, 0.0]").unwrap_err().to_string();
    assert!(zeros.contains("item s7 is 0 throughout") && zeros.contains("mase"), "{zeros}");
    for (metric, input, says) in [
        ("mase", past("[5, 5, 5]", 1), "does not change"),
        ("rmsse", past("[5, 6, 5, 6]", 2), "does not change over a season of 2"),
        ("mase", past("[1, 2, 3]", 12), "has 3 values, no more than one season of 12"),
        ("rmsse", past("[1e300, -1e300]", 1), "more than can be computed with"),
    ] {
        let error = fitted(metric, &input, "[3]").unwrap_err().to_string();
        assert!(error.contains(says) && error.contains("s7") && error.contains("smape"), "{error}");
        assert_eq!(fitted("smape", &input, "[3]"), Ok(()), "sMAPE asks nothing of the past");
    }
    assert_eq!(
        fitted("smape", &past("[1]", 1), "[1, null]"),
        Err(MetricError::NotASeries { id: "s7".to_owned() })
    );
}

#[test]
fn scores_stay_within_their_range() {
    let score = |metric: &str, output: &str, target: &str| {
        let input = r#"{"values":[1,2],"season":1,"horizon":2}"#;
        Scorer::of(&Forecast, Some(metric)).unwrap().score(output, target, Some(input))
    };
    for metric in ["smape", "mase", "rmsse", "wql"] {
        assert!((score(metric, "[1, 2]", "[1, 2]") - 1.0).abs() < 1e-12, "{metric}");
        for (output, target) in [("[1]", "[1, 2]"), ("soon", "[1, 2]"), ("[1, NaN]", "[1, 2]")] {
            assert!(score(metric, output, target).abs() < 1e-12, "{metric} of {output}");
        }
        let far = score(metric, "[1e308, -1e308]", "[-1e308, 1e308]");
        let most = if metric == "wql" { 0.5 } else { 1e-6 };
        assert!((0.0..=most).contains(&far), "{metric}: {far}");
    }
    assert!((score("smape", "[0, 0]", "[0, 0]") - 1.0).abs() < 1e-12, "nothing is as much as nothing");
}
