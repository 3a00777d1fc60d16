//! Forecasters against known answers, and the laws every one of them keeps.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails with it")]

use plimsoll::document::Node;
use plimsoll::forecast::backtest::{Plan, Report, Series};
use plimsoll::forecast::holt_winters::Form;
use plimsoll::forecast::{
    DAY_NS, Forecast, Forecaster, Method, Online, Scale, Setup, all, arima, backtest, ensemble,
    holt_winters, hour_of_day, linear_trend, moving_average, naive, neural, regression,
    seasonal_naive,
};
use plimsoll::registry::{Recipe, Variant};
use plimsoll::time::Duration;

const HOUR: u64 = DAY_NS / 24;

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + b.abs())
}

// ---- series to try forecasters on ---------------------------------------------------------------

/// Seeded standard normal numbers: `SplitMix64` and Box–Muller.
struct Normals(u64);

impl Normals {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn draw(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// Hourly rates: a daily wave, quieter week-ends, and noise that remembers (AR(1), φ = 0.7).
fn weekly_traffic(hours: usize, seed: u64) -> Vec<f64> {
    let mut normals = Normals(seed);
    let mut noise = 0.0;
    let hour_of_rate = |hour: usize, noise: f64| {
        let wave = (std::f64::consts::TAU * (hour % 24) as f64 / 24.0).sin();
        let level = if hour / 24 % 7 < 2 { 120.0 } else { 200.0 };
        level * (1.0 + 0.5 * wave) + noise
    };
    (0..hours)
        .map(|hour| {
            noise = 0.7 * noise + 8.0 * normals.draw();
            hour_of_rate(hour, noise).max(0.0)
        })
        .collect()
}

fn hourly(season_hours: u64) -> Setup {
    Setup { tick_ns: HOUR, season_ns: season_hours * HOUR, reach_ns: 24 * HOUR, ..Setup::default() }
}

fn series(rates: impl IntoIterator<Item = f64>) -> Series {
    Series { start_ns: 0, tick_ns: HOUR, rates: rates.into_iter().map(Some).collect() }
}

/// A method with these options, as a forecaster.
fn online<M: Variant<dyn Method>>(config: &M::Config, setup: &Setup) -> Online {
    Online::new(M::build(config, setup).unwrap(), setup)
}

fn every_forecaster(setup: &Setup) -> Vec<(String, Box<dyn Forecaster>)> {
    let online = |recipe: Recipe<dyn Method>| {
        let forecaster: Box<dyn Forecaster> = Box::new(Online::of(&recipe, setup).unwrap());
        (recipe.name.to_owned(), forecaster)
    };
    all().map(online).collect()
}

// ---- laws of every forecaster -------------------------------------------------------------------

/// What a forecaster said at each bin, told the bins up to it.
fn said(forecaster: &mut dyn Forecaster, rates: &[Option<f64>]) -> Vec<[Option<Forecast>; 3]> {
    let ends = (1_u64..).map(|bin| bin * HOUR);
    ends.zip(rates)
        .map(|(end, rate)| {
            if let Some(rate) = rate {
                forecaster.observe(end, *rate);
            }
            [1, 5, 30].map(|ahead| forecaster.predict(end + ahead * HOUR))
        })
        .collect()
}

#[test]
fn another_future_leaves_every_past_forecast_unchanged() {
    let now = 700;
    let mut rates: Vec<_> = weekly_traffic(900, 1).into_iter().map(Some).collect();
    rates[300..310].fill(None);
    let mut other = rates.clone();
    let elsewhere = weekly_traffic(900, 2).into_iter().map(|rate| Some(3.0 * rate + 50.0));
    other[now..].iter_mut().zip(elsewhere).for_each(|(rate, new)| *rate = new);
    for recipe in all() {
        let run = |rates: &[_]| said(&mut Online::of(&recipe, &hourly(24)).unwrap(), rates);
        let (one, two) = (run(&rates), run(&other));
        assert!(one[..now] == two[..now], "{} saw the future", recipe.name);
        assert!(one[now..] != two[now..], "{} does not look at all", recipe.name);
    }
}

#[test]
fn the_same_past_gives_the_same_bits() {
    let rates: Vec<_> = weekly_traffic(600, 3).into_iter().map(Some).collect();
    for recipe in all() {
        let run = || said(&mut Online::of(&recipe, &hourly(24)).unwrap(), &rates);
        assert!(run() == run(), "{}", recipe.name);
    }
}

#[test]
fn nothing_is_forecast_before_the_first_observation_and_no_band_before_an_error() {
    for (name, mut forecaster) in every_forecaster(&hourly(24)) {
        assert_eq!(forecaster.predict(HOUR), None, "{name}");
        forecaster.observe(HOUR, 7.0);
        let first = forecaster.predict(2 * HOUR).unwrap();
        assert_eq!((first.bands, first.horizon_ns), (None, HOUR), "{name}");
        assert!(close(first.mean, 7.0) && close(first.quantile(0.99), 7.0), "{name}: {first:?}");
    }
}

#[test]
fn forecasts_are_rates_and_bands_are_nested_whatever_the_traffic() {
    let mut normals = Normals(11);
    let bursts: Vec<_> = (0..500)
        .map(|_| if normals.uniform() < 0.9 { Some(0.0) } else { Some(1000.0 * normals.uniform()) })
        .collect();
    let mut forecasters = every_forecaster(&hourly(24));
    for (trend, scale) in [
        (Form::Multiplicative, Scale::Rate),
        (Form::Multiplicative, Scale::SquareRoot),
        (Form::None, Scale::Rate),
    ] {
        let seasonal = Form::Multiplicative;
        let config = holt_winters::Config { trend, seasonal, scale, ..Default::default() };
        let forecaster = online::<holt_winters::HoltWinters>(&config, &hourly(24));
        forecasters.push((format!("{config:?}"), Box::new(forecaster)));
        let config =
            arima::Config { scale, difference: 1, seasonal_ar: 1, ma: 2, ..Default::default() };
        let forecaster = online::<arima::Arima>(&config, &hourly(24));
        forecasters.push((format!("{config:?}"), Box::new(forecaster)));
    }
    for (name, mut forecaster) in forecasters {
        for forecast in said(forecaster.as_mut(), &bursts).into_iter().flatten().flatten() {
            assert!(forecast.mean.is_finite() && forecast.mean >= 0.0, "{name}: {forecast:?}");
            let Some(bands) = forecast.bands else { continue };
            let ends = [0.0, bands.low95, bands.low80, bands.high80, bands.high95];
            assert!(ends.windows(2).all(|pair| pair[0] <= pair[1]), "{name}: {forecast:?}");
        }
    }
}

#[test]
fn a_silent_start_and_an_idle_fleet_are_forecast_as_they_are() {
    for (name, mut forecaster) in every_forecaster(&hourly(24)) {
        for forecast in said(forecaster.as_mut(), &[Some(0.0); 400]).into_iter().flatten().flatten()
        {
            assert_eq!(forecast.mean, 0.0, "{name}");
        }
    }
}

#[test]
fn refits_happen_on_schedule_and_are_counted() {
    let config = arima::Config {
        refit_every: Duration::from_hours(50),
        seasonal_difference: 0,
        seasonal_ma: 0,
        ..arima::Config::default()
    };
    let mut forecaster = online::<arima::Arima>(&config, &hourly(24));
    let counts: Vec<u64> = (1..)
        .zip(weekly_traffic(500, 4))
        .map(|(hour, rate)| {
            forecaster.observe(hour * HOUR, rate);
            forecaster.refits()
        })
        .collect();
    // The values known at each fit.
    let fits: Vec<usize> = (1..counts.len())
        .filter(|&hour| counts[hour] > counts[hour - 1])
        .map(|hour| hour + 1)
        .collect();
    let on_time = |pair: &[usize]| pair[1] == (pair[0] + 50).min(2 * pair[0]);
    assert!(fits.len() >= 9 && fits.windows(2).all(on_time), "{fits:?}");
    for name in ["naive", "seasonal-naive", "moving-average", "linear-trend", "hour-of-day"] {
        assert_eq!(Online::named(name, &hourly(24)).unwrap().refits(), 0);
    }
}

// ---- what each must get right -------------------------------------------------------------------

/// The largest relative error of forecasts 1 to 48 hours ahead, made after the series.
fn worst_error(forecaster: &mut dyn Forecaster, hours: u64, value: impl Fn(u64) -> f64) -> f64 {
    (1..=hours).for_each(|hour| forecaster.observe(hour * HOUR, value(hour)));
    let relative =
        |hour: u64| (forecaster.predict(hour * HOUR).unwrap().mean / value(hour) - 1.0).abs();
    (hours + 1..=hours + 48).map(relative).fold(0.0, f64::max)
}

#[test]
fn linear_methods_continue_a_straight_line_exactly() {
    let scale = Scale::Rate;
    let setup = hourly(24);
    let none = arima::Config::default();
    let forecasters: Vec<(&str, Box<dyn Forecaster>)> = vec![
        ("linear-trend", Box::new(Online::named("linear-trend", &setup).unwrap())),
        ("hour-of-day", Box::new(Online::named("hour-of-day", &setup).unwrap())),
        ("regression", {
            let config = regression::Config { scale, ..regression::Config::default() };
            Box::new(online::<regression::Regression>(&config, &setup))
        }),
        ("holt-winters", {
            let config = holt_winters::Config { scale, damping: 1.0, ..Default::default() };
            Box::new(online::<holt_winters::HoltWinters>(&config, &setup))
        }),
        ("arima", {
            let seasonal_ma = 0;
            let config = arima::Config { scale, ar: 0, ma: 0, difference: 1, seasonal_ma, ..none };
            Box::new(online::<arima::Arima>(&config, &setup))
        }),
    ];
    for (name, mut forecaster) in forecasters {
        let worst = worst_error(forecaster.as_mut(), 200, |hour| 40.0 + 0.5 * hour as f64);
        // The regression shares one slope among collinear lags, to a relative 1e-10 a solution.
        assert!(worst < 1e-4, "{name}: {worst}");
    }
}

#[test]
fn seasonal_methods_repeat_a_pure_season_exactly() {
    let shape = |hour: u64| 30.0 + ((hour % 24) * 7919 % 61) as f64;
    for name in ["seasonal-naive", "hour-of-day", "regression", "holt-winters", "arima", "ensemble"]
    {
        let mut forecaster = Online::named(name, &hourly(24)).unwrap();
        let worst = worst_error(&mut forecaster, 24 * 60, shape);
        assert!(worst < 1e-3, "{name}: {worst}");
    }
}

#[test]
fn a_season_stays_in_step_across_missing_bins() {
    let shape = |hour: u64| 30.0 + ((hour % 24) * 7919 % 61) as f64;
    for name in ["seasonal-naive", "hour-of-day", "regression", "holt-winters", "arima"] {
        let mut forecaster = Online::named(name, &hourly(24)).unwrap();
        let told = (1..=24 * 20_u64).filter(|hour| !(300..331).contains(hour) && hour % 37 != 0);
        told.for_each(|hour| forecaster.observe(hour * HOUR, shape(hour)));
        for hour in 24 * 20 + 1..24 * 21 {
            let mean = forecaster.predict(hour * HOUR).unwrap().mean;
            assert!((mean / shape(hour) - 1.0).abs() < 1e-3, "{name} at {hour}: {mean}");
        }
    }
}

/// Bounds that a binomial count leaves with a chance of one in a thousand (normal approximation).
fn binomial_bounds(trials: f64, chance: f64) -> std::ops::RangeInclusive<f64> {
    let reach = 3.290_527 * (trials * chance * (1.0 - chance)).sqrt();
    trials * chance - reach..=trials * chance + reach
}

#[test]
fn bands_cover_what_they_promise() {
    let rates = weekly_traffic(12_000, 5);
    for (name, ahead) in ["seasonal-naive", "regression", "holt-winters", "arima"]
        .into_iter()
        .flat_map(|n| [(n, 1), (n, 6)])
    {
        let mut forecaster = Online::named(name, &hourly(168)).unwrap();
        let (mut trials, mut inside80, mut inside95) = (0.0, 0.0, 0.0);
        for (now, &rate) in (1_usize..).zip(&rates) {
            forecaster.observe(now as u64 * HOUR, rate);
            // One forecast in thirteen, so that the noise has forgotten the last one (0.7¹³ =
            // 0.01).
            if now < 2000 || now % 13 != 0 || now + ahead > rates.len() {
                continue;
            }
            let actual = rates[now + ahead - 1];
            let bands = forecaster.predict((now + ahead) as u64 * HOUR).unwrap().bands.unwrap();
            let inside = |low, high| f64::from(u8::from((low..=high).contains(&actual)));
            trials += 1.0;
            inside80 += inside(bands.low80, bands.high80);
            inside95 += inside(bands.low95, bands.high95);
        }
        let told = format!("{name} {ahead} h ahead: {inside80} and {inside95} of {trials}");
        assert!(binomial_bounds(trials, 0.80).contains(&inside80), "{told}");
        assert!(binomial_bounds(trials, 0.95).contains(&inside95), "{told}");
    }
}

// ---- the back-test ------------------------------------------------------------------------------

fn report(names: &[&str], rates: Vec<f64>, season_hours: u64, horizons: &[u64]) -> Report {
    let series = series(rates);
    let horizons_ns = horizons.iter().map(|hours| hours * HOUR).collect();
    let plan = Plan::usual(&series, season_hours * HOUR, horizons_ns);
    let mut forecasters = every_forecaster(&hourly(season_hours));
    forecasters.retain(|(name, _)| names.contains(&name.as_str()));
    backtest(&series, &mut forecasters, &plan).unwrap()
}

#[test]
fn on_seasonal_traffic_the_learning_methods_beat_seasonal_naive_in_ten_of_ten_worlds() {
    // Were they no better, ten wins of ten would come by chance once in 1024.
    let learning = ["regression", "holt-winters", "arima", "ensemble"];
    let names = [&learning[..], &["seasonal-naive"]].concat();
    for seed in 100..110 {
        let report = report(&names, weekly_traffic(168 * 6, seed), 168, &[1, 6]);
        for rows in report.rows.chunks(names.len()) {
            let mae = |name| rows.iter().find(|row| row.forecaster == name).unwrap().mae;
            for name in learning {
                let horizon = Duration(rows[0].horizon_ns);
                assert!(mae(name) < mae("seasonal-naive"), "{name} at {horizon} in {seed}");
            }
        }
    }
}

#[test]
fn the_table_has_a_row_for_each_forecaster_and_horizon() {
    let names: Vec<_> = all().map(|recipe| recipe.name).collect();
    let report = report(&names, weekly_traffic(600, 6), 24, &[1, 24]);
    assert_eq!(report.rows.len(), 2 * names.len());
    for row in &report.rows {
        assert_eq!(row.forecasts, 600 - 300 - (row.horizon_ns / HOUR) as usize + 1, "{row:?}");
        assert!(row.mae.is_finite() && row.mase.is_some() && (0.0..=2.0).contains(&row.smape));
        assert!(row.coverage80.unwrap() < row.coverage95.unwrap(), "{row:?}");
    }
}

#[test]
fn missing_bins_are_neither_learnt_nor_scored() {
    let mut series = series(weekly_traffic(600, 7));
    series.rates[400..410].fill(None);
    let plan = Plan::usual(&series, 24 * HOUR, vec![HOUR]);
    let report = backtest(&series, &mut every_forecaster(&hourly(24)), &plan).unwrap();
    assert!(report.rows.iter().all(|row| row.forecasts == 600 - 300 - 10));
}

#[test]
fn a_horizon_beyond_the_history_is_refused_and_a_long_season_advised_of() {
    let short = series(weekly_traffic(30, 8));
    let plan = |hours| Plan::usual(&short, 24 * HOUR, vec![hours * HOUR]);
    let run = |hours| backtest(&short, &mut every_forecaster(&hourly(24)), &plan(hours));
    let refusal = run(31).unwrap_err().to_string();
    assert!(refusal.contains("horizon") && refusal.contains("shorten"), "{refusal}");
    let advice = run(1).unwrap().advice;
    assert!(advice.iter().any(|a| a.to_string().contains("less than two cycles")), "{advice:?}");
}

// ---- options ------------------------------------------------------------------------------------

/// Options of one forecaster: defaults fill in, strangers are refused, every field is explained.
fn options_are_sound<M: Variant<dyn Method>>() {
    let read = |text: &str| Node::from_toml("test.toml", text).unwrap().typed::<M::Config>();
    let default = read("").unwrap();
    assert!(read("crystal-ball = 1").is_err(), "{}", M::NAME);
    let text = toml::to_string(&default).unwrap();
    let again = read(&text).unwrap();
    assert_eq!(toml::to_string(&again).unwrap(), text);
    let schema = serde_json::to_value(schemars::schema_for!(M::Config)).unwrap();
    for (key, field) in schema["properties"].as_object().into_iter().flatten() {
        assert!(field["description"].is_string(), "{} does not explain {key}", M::NAME);
    }
    M::build(&default, &Setup::default()).unwrap();
}

#[test]
fn options_default_round_trip_refuse_strangers_and_explain_themselves() {
    options_are_sound::<naive::Naive>();
    options_are_sound::<seasonal_naive::SeasonalNaive>();
    options_are_sound::<moving_average::MovingAverage>();
    options_are_sound::<linear_trend::LinearTrend>();
    options_are_sound::<hour_of_day::HourOfDay>();
    options_are_sound::<regression::Regression>();
    options_are_sound::<holt_winters::HoltWinters>();
    options_are_sound::<arima::Arima>();
    options_are_sound::<neural::Neural>();
    options_are_sound::<ensemble::Ensemble>();
}

#[test]
fn a_forecaster_is_found_by_name_and_a_stranger_is_refused_with_the_names_there_are() {
    let unknown = Recipe::<dyn Method>::named("crystal-ball").unwrap_err().to_string();
    assert!(unknown.contains("crystal-ball"), "{unknown}");
    let spec = "ensemble:members=[naive,oracle]";
    assert!(Recipe::<dyn Method>::named(spec).is_err());
    assert!(Recipe::<dyn Method>::named("holt-winters:season=7d,damping=0.9").is_ok());
}

#[test]
fn options_read_as_in_a_scenario() {
    let text =
        "season = \"7d\"\nseasonal = \"multiplicative\"\nalpha = 0.2\nrefit-every = \"6h\"\n";
    let config: holt_winters::Config = toml::from_str(text).unwrap();
    assert_eq!(config.season, Some(Duration::from_days(7)));
    assert_eq!((config.seasonal, config.alpha), (Form::Multiplicative, Some(0.2)));
    assert_eq!(config.refit_every, Duration::from_hours(6));
    assert!(toml::from_str::<holt_winters::Config>("season = 7").is_err());
}
