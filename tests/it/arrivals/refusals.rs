//! Options that make no sense are refused in words that say what would.

use super::{build, recipe};

#[test]
fn senseless_options_are_refused_with_what_is_allowed() {
    for (spec, words) in [
        ("poisson:rate=0/s", "`rate` must be above 0"),
        ("poisson:rate=1e10/s", "between 1e-9/s and 1e9/s"),
        ("deterministic:first=1s", "give `rate` or `every`"),
        ("deterministic:rate=1/s,every=1s", "not both"),
        ("deterministic:every=0s", "longer than 0s"),
        ("renewal:gap='constant:value=0s'", "at least 1ns"),
        ("renewal:gap='exponential:mean=5'", "no unit"),
        ("mmpp:rates=['0/s','0/s'],sojourns=['1s','1s']", "above 0"),
        ("mmpp:rates=['1/s','2/s']", "`sojourns` or `switching`"),
        ("mmpp:rates=['1/s','2/s'],sojourns=['1s','1s'],switching=['1/s','1/s']", "either"),
        ("mmpp:rates=['1/s','2/s'],sojourns=['1s','0s']", "longer than 0s"),
        ("mmpp:rates=['1/s','2/s'],switching=['1/s','0/s']", "above 0"),
        ("mmpp:rates=['1/s','2/s'],sojourns=['1us','1us']", "10000 times"),
        ("mmpp:rates=['1/s'],sojourns=['1s','1s']", "length"),
        ("hawkes:baseline=1/s,branching=1,decay=1s", "at most 0.999"),
        ("hawkes:baseline=0/s,branching=0.5,decay=1s", "above 0"),
        ("profile:points=[]", "must name a time"),
        ("profile:points=[['1s','0/s']]", "anything arrives"),
        ("profile:points=[['2s','1/s'],['1s','1/s']]", "1s is after 2s"),
        ("profile:points=[['0s','1/s'],['2s','1/s']],repeat=1s", "before the last"),
        ("profile:points=[['0s','0/s'],['2s','1/s']],between=steps,repeat=2s", "anything arrives"),
        ("ramp:from=0/s,to=0/s", "above 0"),
        ("ramp:from=1/s,to=2/s,over=0s", "longer than 0s"),
        ("ramp:from=1/s,to=2/s,start=2h", "before the end of the run"),
        ("step:from=0/s,to=0/s,at=1s", "above 0"),
        ("step:from=1/s,to=0/s,at=0s", "above 0"),
        ("spike:base=0/s,peak=0/s,at=1s,hold=1s", "above 0"),
        ("spike:base=1/s,peak=2/s,at=1s", "longer than 0s"),
        ("spike:base=1/s,peak=2/s,at=1s,hold=5s,every=4s", "at least the length of a spike, 5s"),
        ("diurnal:base=2/s,peak=1/s", "at most `peak`"),
        ("diurnal:base=0/s,peak=0/s", "above 0"),
        ("diurnal:base=1/s,peak=2/s,period=1us", "at least 1ms"),
        ("diurnal:base=1/s,peak=2/s,period=1h,peak-at=2h", "before the period is over"),
        ("scheduled:at=[]", "must name a time"),
        ("scheduled:at=['1s','2s'],repeat=2s", "longer than the last"),
        ("batch:epochs='poisson:rate=0/s',size='constant:value=2'", "above 0"),
        ("batch:epochs='poisson:rate=1/s',size='constant:value=2s'", "a time"),
        ("poison:rate=1/s", "unknown arrival process"),
    ] {
        let Err(problem) = build(spec) else { panic!("{spec} was taken") };
        let shown = problem.render(false);
        assert!(shown.contains(words), "{spec}:\n{shown}");
        assert!(problem.origin().is_some(), "{spec} has no place:\n{shown}");
    }
}

#[test]
fn a_problem_is_shown_at_its_option() {
    let problem = recipe("spike:base=1/s,peak=2/s,at=1s,hold=5s,every=4s").unwrap_err();
    assert!(problem.render(false).contains("--arrivals:1:45"), "{}", problem.render(false));
}

#[test]
fn a_ramp_without_a_length_needs_that_of_the_run() {
    let setup = plimsoll::workload::arrivals::Setup {
        duration: None,
        folder: "".as_ref(),
        rate_scale: 1.0,
    };
    let problem = recipe("ramp:from=1/s,to=2/s").unwrap().build(&setup).err().unwrap();
    assert!(problem.to_string().contains("needs `over`"), "{problem}");
    assert!(recipe("ramp:from=1/s,to=2/s,over=1h").unwrap().build(&setup).is_ok());
}
