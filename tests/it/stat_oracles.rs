//! Every known answer about statistics is reproduced, from `tests/oracles` and from the folder in
//! the environment variable `PLIMSOLL_ORACLES`.

use std::path::PathBuf;

use plimsoll::stats::binomial::{
    coverage_acceptance, quantile_ranks, rank_coverage, sample_for_upper_bound,
};
use plimsoll::stats::ddsketch::DdMapping;
use plimsoll::stats::estimate::run_length;
use plimsoll::stats::fit::{self, Family, Fitted};
use plimsoll::stats::goodness::assess;
use plimsoll::stats::multiple::dunnett;
use plimsoll::stats::select::{kim_nelson_constants, rinott};
use plimsoll::stats::special::{chi_square_quantile, normal_cdf, normal_quantile, t_quantile};
use plimsoll::stats::warmup::mser5;
use serde_json::Value;

/// All files with `entries` in the repository's folder of known answers and the folder asked for.
fn oracle_files() -> Vec<Vec<Value>> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/oracles");
    let asked = std::env::var_os("PLIMSOLL_ORACLES").map(PathBuf::from);
    let mut files = Vec::new();
    for folder in [Some(here), asked].into_iter().flatten() {
        let listing = std::fs::read_dir(&folder).expect("a folder of known answers");
        let mut paths: Vec<PathBuf> =
            listing.map(|entry| entry.expect("a readable folder").path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|e| e == "json")) {
            let text = std::fs::read_to_string(path).expect("a readable file of known answers");
            let mut file: Value = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            if let Some(Value::Array(entries)) = file.get_mut("entries").map(Value::take) {
                files.push(entries);
            }
        }
    }
    files
}

fn text<'a>(entry: &'a Value, key: &str) -> &'a str {
    entry[key].as_str().unwrap_or_default()
}

/// What this program says to an entry; `None` where it does not know the question.
fn answer(entry: &Value) -> Option<f64> {
    let (model, metric, params) = (text(entry, "model"), text(entry, "metric"), &entry["params"]);
    let number = |key: &str| params[key].as_f64();
    let whole = |key: &str| params[key].as_u64();
    match (model, metric) {
        ("order-statistic quantile CI (iid)", "min_n_for_upper_bound") => {
            let alpha = 1.0 - number("confidence_one_sided")?;
            Some(sample_for_upper_bound(number("p")?, alpha) as f64)
        }
        ("order-statistic quantile CI (iid)", "min_n_for_finite_upper_rank") => {
            let alpha = 0.5 * (1.0 - number("confidence_two_sided")?);
            Some(sample_for_upper_bound(number("p")?, alpha) as f64)
        }
        ("order-statistic quantile CI (iid)", _) => {
            let (n, p) = (whole("n")?, number("p")?);
            let ranks = quantile_ranks(n, p, number("confidence")?);
            match metric {
                "lower_rank_1based" => Some(ranks.0 as f64),
                "upper_rank_1based" => Some(ranks.1 as f64),
                "exact_coverage" => Some(rank_coverage(n, p, ranks)),
                _ => None,
            }
        }
        ("coverage test acceptance", _) => {
            let size = number("two_sided_size")?;
            let range = coverage_acceptance(whole("replications")?, number("nominal")?, size);
            match metric {
                "accept_lo" => Some(range.0 as f64),
                "accept_hi" => Some(range.1 as f64),
                _ => None,
            }
        }
        ("Student t quantile", "value") => Some(t_quantile(number("p")?, number("df")?)),
        ("normal quantile", "value") => Some(normal_quantile(number("p")?)),
        ("chi-square quantile", "value") => Some(chi_square_quantile(number("p")?, number("df")?)),
        ("KN ranking & selection", _) => {
            let (eta, h2) =
                kim_nelson_constants(whole("k")? as usize, number("alpha")?, whole("n0")? as usize);
            match metric {
                "eta" => Some(eta),
                "h2" => Some(h2),
                _ => None,
            }
        }
        ("MSER-5", _) => {
            let cut = mser5(&mser_series(text(params, "series"))?)?;
            match metric {
                "truncate_batches" => Some(cut.batches as f64),
                "truncate_observations" => Some(cut.observations as f64),
                "min_statistic" => Some(cut.statistic),
                _ => None,
            }
        }
        ("DDSketch bucket", _) => {
            let (alpha, x) = (number("alpha")?, number("x")?);
            let mapping = DdMapping::new(alpha);
            let index = mapping.index(x);
            match metric {
                "index" => Some(index as f64),
                "estimate" => Some(mapping.estimate(index)),
                "rel_error_within_alpha" => {
                    let error = (mapping.estimate(index) / x - 1.0).abs();
                    Some(f64::from(u8::from(error <= alpha)))
                }
                _ => None,
            }
        }
        ("DDSketch size", "buckets") => {
            Some(DdMapping::new(number("alpha")?).buckets(number("min")?, number("max")?) as f64)
        }
        _ => answer_about_a_fit(model, metric, params),
    }
}

fn mser_series(words: &str) -> Option<Vec<f64>> {
    let series = |i: i32| 5.0 * (-f64::from(i) / 50.0).exp() + f64::from(i).sin();
    (words == "y_i = 5 exp(-i/50) + sin(i), i=0..999").then(|| (0..1000).map(series).collect())
}

fn answer_about_a_fit(model: &str, metric: &str, params: &Value) -> Option<f64> {
    let sample = sample_of(&params["data"])?;
    let questions = ["MLE", "AIC", "BIC", "EM", "KS statistic vs fitted", "AD statistic vs fitted"];
    let anderson = "Anderson-Darling statistic vs fitted";
    let (question, law) = questions
        .into_iter()
        .chain([anderson])
        .find_map(|question| Some((question, model.strip_prefix(question)?.trim())))?;
    let family: Family = match law.to_lowercase().as_str() {
        "exponential" => fit::exponential,
        "lognormal" => fit::lognormal,
        "pareto" => fit::pareto,
        "weibull" => fit::weibull,
        "gamma" => fit::gamma_law,
        "hyperexponential-2" => fit::hyperexponential,
        _ => return None,
    };
    let fitted = family(&sample)?;
    let quality = assess(fitted, &sample);
    match question {
        "AIC" => Some(quality.aic),
        "BIC" => Some(quality.bic),
        "KS statistic vs fitted" => Some(quality.kolmogorov_smirnov),
        "AD statistic vs fitted" | "Anderson-Darling statistic vs fitted" => {
            Some(quality.anderson_darling)
        }
        _ if metric == "loglik" => Some(fitted.log_likelihood(&sample)),
        _ => parameter(fitted, metric, sample.len() as f64),
    }
}

fn parameter(law: Fitted, metric: &str, n: f64) -> Option<f64> {
    match (law, metric) {
        (Fitted::Exponential { rate }, "rate") => Some(rate),
        (Fitted::Exponential { rate }, "mean") => Some(1.0 / rate),
        (Fitted::LogNormal { mu, .. }, "mu_log") => Some(mu),
        (Fitted::LogNormal { sigma, .. }, "sigma_log") => Some(sigma),
        (Fitted::Pareto { scale, .. }, "x_m" | "xm" | "scale") => Some(scale),
        (Fitted::Pareto { shape, .. }, "alpha_unbiased" | "alpha_bias_corrected") => {
            Some(shape * (n - 2.0) / n)
        }
        (
            Fitted::Pareto { shape, .. }
            | Fitted::Weibull { shape, .. }
            | Fitted::Gamma { shape, .. },
            "shape" | "k" | "alpha",
        ) => Some(shape),
        (Fitted::Weibull { scale, .. } | Fitted::Gamma { scale, .. }, "scale" | "theta") => {
            Some(scale)
        }
        (Fitted::Gamma { scale, .. }, "rate") => Some(1.0 / scale),
        (Fitted::HyperExponential { share, .. }, "p") => Some(share),
        (Fitted::HyperExponential { rates, .. }, "rate1") => Some(rates[0]),
        (Fitted::HyperExponential { rates, .. }, "rate2") => Some(rates[1]),
        _ => None,
    }
}

fn sample_of(data: &Value) -> Option<Vec<f64>> {
    if data.as_str()
        == Some("60 exact quantiles ((i+0.5)/60) of Exp(mean 0.3) plus 20 of Exp(mean 4)")
    {
        let exact = |n: i32, mean: f64| {
            (0..n).map(move |i| -mean * (1.0 - (f64::from(i) + 0.5) / f64::from(n)).ln())
        };
        return Some(exact(60, 0.3).chain(exact(20, 4.0)).collect());
    }
    data.as_array()?.iter().map(Value::as_f64).collect()
}

fn agrees(entry: &Value, found: f64) -> bool {
    let value = entry["value"].as_f64().expect("an entry has a value");
    let tolerance = entry["tol_rel"].as_f64().unwrap_or(0.0).max(1e-9);
    // A whole number with tolerance zero is a rank or a count: it is right or wrong.
    if entry["tol_rel"].as_f64() == Some(0.0) && value.fract() == 0.0 {
        return found == value;
    }
    (found - value).abs() <= (tolerance * value.abs()).max(1e-12)
}

/// Whether the file found an entry by the quadrature of `quadrature_miss`.
fn is_quadrature(entry: &Value) -> bool {
    matches!(text(entry, "model"), "Rinott constant" | "Dunnett two-sided critical value")
}

/// Compares a critical value with its entry by way of the entry's own quadrature.
///
/// The file integrates over the χ² law by Gauss and Legendre in probability space, with 160 points
/// for Rinott and 200 for Dunnett, where the integrand is not smooth at the ends: the error falls
/// as 1/N² about and is 7·10⁻⁶ and 2·10⁻⁶ at those N, more than the stated 10⁻⁶. So the rule must
/// reproduce the file's value, and ours must be where the rule is heading: beyond its value at N by
/// no more than it moved from N/2 to N (a third of that, if the error were exactly quadratic).
fn quadrature_miss(entry: &Value) -> Option<String> {
    let params = &entry["params"];
    let number = |key: &str| params[key].as_f64().expect("a number");
    let is_rinott = text(entry, "model") == "Rinott constant";
    let (ours, points) = if is_rinott {
        (rinott(number("k") as usize, number("n0") as usize, number("P*")), 160)
    } else {
        (dunnett(number("treatments") as usize, number("df"), number("confidence")), 200)
    };
    let rule = |points: u32| {
        if is_rinott {
            rinott_by_rule(number("k"), number("n0") - 1.0, number("P*"), points)
        } else {
            dunnett_by_rule(number("treatments"), number("df"), number("confidence"), points)
        }
    };
    let (value, tolerance) = (entry["value"].as_f64()?, entry["tol_rel"].as_f64()?);
    let (coarse, fine) = (rule(points / 2), rule(points));
    let limit = (4.0 * fine - coarse) / 3.0;
    let sound = (fine / value - 1.0).abs() < 1e-9 && (ours / limit - 1.0).abs() < tolerance;
    (!sound)
        .then(|| format!("{}: {ours}, its rule {fine} → {limit}, for {value}", text(entry, "id")))
}

fn rinott_by_rule(k: f64, df: f64, confidence: f64, points: u32) -> f64 {
    let nodes = chi_square_by_rule(df, points);
    rising_root(confidence, |h| {
        let beaten = |y: f64| -> f64 {
            nodes.iter().map(|(x, w)| w * normal_cdf(h / (df / x + df / y).sqrt())).sum()
        };
        nodes.iter().map(|&(y, w)| w * beaten(y).powf(k - 1.0)).sum()
    })
}

fn dunnett_by_rule(treatments: f64, df: f64, confidence: f64, points: u32) -> f64 {
    let nodes = chi_square_by_rule(df, points);
    let control: Vec<f64> = (-40..=40).map(|i| f64::from(i) / 5.0).collect();
    rising_root(confidence, |d| {
        let within = |reach: f64| -> f64 {
            let inside = |z: f64| normal_cdf(z + reach) - normal_cdf(z - reach);
            let density = |z: f64| (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
            control.iter().map(|&z| 0.2 * density(z) * inside(z).powf(treatments)).sum()
        };
        nodes.iter().map(|(x, w)| w * within(d * (2.0 * x / df).sqrt())).sum()
    })
}

fn rising_root(target: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.5, 16.0);
    while high - low > 1e-11 {
        let middle = 0.5 * (low + high);
        if f(middle) < target { low = middle } else { high = middle }
    }
    low
}

/// Gauss and Legendre's rule on (0, 1), carried to the χ² law by its quantiles.
fn chi_square_by_rule(df: f64, points: u32) -> Vec<(f64, f64)> {
    let n = f64::from(points);
    let node = |i: u32| {
        let mut x = (std::f64::consts::PI * (f64::from(i) + 0.75) / (n + 0.5)).cos();
        let mut slope = 0.0;
        for _ in 0..20 {
            let (mut before, mut last) = (1.0, x);
            for k in 2..=points {
                let k = f64::from(k);
                (before, last) = (last, ((2.0 * k - 1.0) * x * last - (k - 1.0) * before) / k);
            }
            slope = n * (x * last - before) / (x * x - 1.0);
            x -= last / slope;
        }
        let weight = 2.0 / ((1.0 - x * x) * slope * slope);
        (chi_square_quantile(0.5 * (x + 1.0), df), 0.5 * weight)
    };
    (0..points).map(node).collect()
}

#[test]
fn known_answers_about_statistics_are_reproduced() {
    let (mut known, mut missed) = (0, Vec::new());
    for entry in oracle_files().iter().flatten().filter(|entry| entry["group"] == "stat") {
        let (id, model, metric) = (text(entry, "id"), text(entry, "model"), text(entry, "metric"));
        match answer(entry) {
            None if is_quadrature(entry) => {
                known += 1;
                missed.extend(quadrature_miss(entry));
            }
            None => println!("unknown: {id} {model}, {metric}, {}", entry["params"]),
            Some(found) if agrees(entry, found) => known += 1,
            Some(found) => {
                missed.push(format!("{id} {model}, {metric}: {found} for {}", entry["value"]));
            }
        }
    }
    assert!(missed.is_empty(), "{} missed:\n{}", missed.len(), missed.join("\n"));
    assert!(known >= 47, "only {known} entries were understood");
}

#[test]
fn known_run_lengths_follow_from_their_variances() {
    let model = "M/M/c time-average number in system";
    for entries in oracle_files() {
        let of_model = || entries.iter().filter(|entry| entry["model"] == model);
        for entry in of_model().filter(|e| e["metric"] == "time_for_1pct_relative_halfwidth_95") {
            let variance = of_model().find(|other| {
                other["params"] == entry["params"] && other["metric"] == "asymptotic_variance"
            });
            let Some(variance) = variance.and_then(|other| other["value"].as_f64()) else {
                continue;
            };
            let mean = number_in_system(&entry["params"]);
            let found = run_length(0.01, 0.95, mean, variance);
            assert!(agrees(entry, found), "{}: {found} for {}", entry["id"], entry["value"]);
        }
    }
}

/// L = a + C·ρ/(1 − ρ) of an M/M/c queue, Erlang's C by the recursion of his B.
fn number_in_system(params: &Value) -> f64 {
    let number = |key: &str| params[key].as_f64().expect("an M/M/c entry has c and rho");
    let (servers, rho) = (number("c"), number("rho"));
    let load = servers * rho;
    let blocking = (1..=servers as u32).fold(1.0, |b, k| load * b / (f64::from(k) + load * b));
    load + blocking / (1.0 - rho * (1.0 - blocking)) * rho / (1.0 - rho)
}
