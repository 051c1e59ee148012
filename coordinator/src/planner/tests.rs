use proptest::prelude::*;
use sweep_core::units::AcceleratorTime;

use super::*;
use crate::calibrate::{Reference, needed};

fn spec(yaml_tail: &str) -> SweepSpec {
    let yaml = format!(
        "apiVersion: sweepctl/v1\nname: test\n{yaml_tail}\narms:\n  - name: gpt\n    family: gpt\n    \
         sizes: [{{ width: 32, layers: 2, throughput: 1000 tokens/s }}, {{ width: 64, layers: 2, \
         throughput: 500 tokens/s }}]\n  - name: qlstm\n    family: qlstm\n    sizes: [{{ width: \
         32, layers: 2, throughput: 800 tokens/s }}]\n"
    );
    sweep_core::spec::parse(&yaml).unwrap()
}

/// A plan of six runs.
pub(crate) fn small_plan() -> Plan {
    planned(&spec("budget: 10 min\nclasses: [20s, 10s]")).unwrap()
}

fn planned(spec: &SweepSpec) -> Result<Plan, PlanError> {
    planned_on(spec, &corpus())
}

fn corpus() -> CorpusRef {
    CorpusRef {
        name: "docs".into(),
        hash: "00".into(),
        documents_n: 10,
        train_bytes: 1000,
        validation_bytes: 100,
        ..CorpusRef::default()
    }
}

fn planned_on(spec: &SweepSpec, corpus: &CorpusRef) -> Result<Plan, PlanError> {
    let reference = Reference { device: "cpu: test x1".into(), trainer: "1".into() };
    let calibrations = needed(spec, &reference);
    let sweep = "00000000-0000-0000-0000-000000000007".parse().unwrap();
    plan(&PlanInput { sweep, spec, calibrations: &calibrations, corpus, parent: None })
}

#[test]
fn all_sizes_run_in_every_class_and_seed() {
    let plan = planned(&spec("budget: 10 min\nclasses: [20s, 10s]\nseeds: [1, 2]")).unwrap();
    assert_eq!(plan.runs.len(), 3 * 2 * 2);
    assert_eq!(plan.cost(), AcceleratorTime::from_ms(3 * 2 * 30_000));
    let first = &plan.runs[0];
    assert_eq!((first.class.time().ms(), first.arm.as_str()), (10_000, "gpt"));
    // 10 s x 1000 tokens/s / (4 x 128) = 19.53
    assert_eq!(first.steps, 20);
}

#[test]
fn a_class_without_a_single_step_is_refused() {
    let error = planned(&spec("budget: 10 min\nclasses: [1ms]")).unwrap_err();
    assert!(error.to_string().contains("not one step of 512 tokens"), "{error}");
}

#[test]
fn what_the_budget_does_not_pay_for_is_named() {
    let plan = planned(&spec("budget: 45 s\nclasses: [10s, 20s]")).unwrap();
    let beyond = plan.unaffordable();
    assert_eq!(beyond.len(), 3);
    assert!(beyond.iter().all(|run| run.class.time().ms() == 20_000));
}

proptest! {
    /// Planning is a function: the same input makes the same plan with the same ids, the ids are
    /// distinct, and classes never fall.
    #[test]
    fn a_plan_is_deterministic_and_ordered(
        seconds in prop::collection::btree_set(1u64..500, 1..6),
        seeds in prop::collection::btree_set(0u64..100, 1..4),
    ) {
        let classes: Vec<String> = seconds.iter().map(|s| format!("{s}s")).collect();
        let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
        let spec = spec(&format!(
            "budget: 100 h\nclasses: [{}]\nseeds: [{}]", classes.join(", "), seeds.join(", ")
        ));
        let plan = planned(&spec).unwrap();
        prop_assert_eq!(&plan, &planned(&spec).unwrap());
        let ids: std::collections::BTreeSet<_> = plan.runs.iter().map(|run| run.id).collect();
        prop_assert_eq!(ids.len(), plan.runs.len());
        prop_assert!(plan.runs.is_sorted_by_key(|run| run.class));
        prop_assert_eq!(plan.runs.len(), 3 * classes.len() * seeds.len());
    }
}

/// 20 s x 1000 tokens/s are 39 steps of 512 tokens.
#[test]
fn a_text_that_is_used_up_before_a_class_is_refused() {
    let spec = spec("budget: 10 min\nclasses: [20s]");
    let mix = |epochs_max| {
        let part = sweep_core::corpus::CorpusPart { corpus: corpus(), weight: 1.0, epochs_max };
        CorpusRef { parts: vec![part], ..corpus() }
    };
    assert!(planned_on(&spec, &mix(None)).is_ok());
    assert!(planned_on(&spec, &mix(Some(20.0))).is_ok());
    let refused = planned_on(&spec, &mix(Some(19.0))).unwrap_err().to_string();
    assert!(refused.contains("19968 tokens") && refused.contains("holds 19000"), "{refused}");
}

#[test]
fn a_plan_is_extended_by_runs_of_arms_and_sizes_that_it_knows() {
    let parent = small_plan();
    let granted = AcceleratorTime::from_hours(1);
    let further = |size: &str, seconds: u64, seed| Further {
        arm: "gpt".to_owned(),
        size: size.to_owned(),
        class: ComputeClass::new(AcceleratorTime::from_ms(1000 * seconds)),
        seed,
    };
    let asked = [further("d32x2", 40, 1), further("d32x2", 20, 2), further("d32x2", 20, 1)];
    let child = extend(&parent, granted, &asked).unwrap();
    assert_eq!((child.parent, child.granted), (Some(parent.id), granted));
    assert_eq!(child.runs[..6], parent.runs);
    // The last is in the parent already. 40 s x 1000 tokens/s / (4 x 128) = 78.1
    let new: Vec<_> = child.runs[6..].iter().map(|run| (run.steps, run.seed)).collect();
    assert_eq!(new, [(78, 1), (39, 2)]);
    assert_eq!(extend(&parent, granted, &asked).unwrap(), child);

    let unknown = extend(&parent, granted, &[further("d99x9", 40, 1)]).unwrap_err();
    assert_eq!(unknown.to_string(), "the throughput of gpt d99x9 is not known");
    let none =
        Further { class: ComputeClass::new(AcceleratorTime::from_ms(1)), ..asked[0].clone() };
    assert!(matches!(extend(&parent, granted, &[none]), Err(PlanError::NoStepFits { .. })));
}
