use super::*;

fn runs(class_h: u64, seeds: &[u64]) -> ProposedRuns {
    let interval = Interval { lower: 1.0, upper: 10.0 };
    ProposedRuns {
        arm: "gpt".to_owned(),
        class: ComputeClass::new(AcceleratorTime::from_hours(class_h)),
        sizes: vec!["small".to_owned(), "medium".to_owned()],
        seeds: seeds.to_vec(),
        after: Expectation { value: 3.0, interval },
        reason: String::new(),
    }
}

fn proposal(number: u32, plan: PlanId, runs: Vec<ProposedRuns>) -> Proposal {
    Proposal {
        id: ProposalId::new(),
        sweep: SweepId::new(),
        number,
        forecast: ForecastId::new(),
        plan,
        granted: AcceleratorTime::from_hours(100),
        made_at: Timestamp(0),
        affordable: AcceleratorTime::from_hours(50),
        question: None,
        quantity: None,
        before: None,
        after: None,
        runs,
        design: String::new(),
        remarks: Vec::new(),
    }
}

fn decided(verdict: Verdict, decider: Decider) -> Option<Decision> {
    let (actor, reason) = ("ada".to_owned(), String::new());
    Some(Decision { verdict, decider, actor, reason, at: Timestamp(1) })
}

#[test]
fn runs_cost_their_class_for_every_size_and_seed() {
    let both = proposal(1, PlanId::new(), vec![runs(6, &[1, 2]), runs(12, &[3])]);
    assert_eq!(both.cost(), AcceleratorTime::from_hours(4 * 6 + 2 * 12));
}

#[test]
fn a_proposal_stays_open_while_the_same_runs_are_proposed() {
    let plan = PlanId::new();
    let same = |number| (proposal(number, plan, vec![runs(6, &[1])]), None);
    assert_eq!(standings(&[same(1), same(2)], plan), [Standing::Open, Standing::Open]);

    let other = (proposal(3, plan, vec![runs(6, &[2])]), None);
    let superseded = Standing::Superseded { number: 3 };
    let all = [same(1), same(2), other];
    assert_eq!(standings(&all, plan), [superseded.clone(), superseded, Standing::Open]);
}

#[test]
fn another_plan_makes_proposals_stale_and_an_empty_one_supersedes() {
    let plan = PlanId::new();
    let all =
        [(proposal(1, plan, vec![runs(6, &[1])]), None), (proposal(2, plan, Vec::new()), None)];
    let found = standings(&all, plan);
    assert_eq!(found, [Standing::Superseded { number: 2 }, Standing::Empty]);
    assert_eq!(standings(&all, PlanId::new()), [Standing::Stale, Standing::Empty]);
}

#[test]
fn what_was_rejected_is_not_asked_again() {
    let plan = PlanId::new();
    let same = |number| proposal(number, plan, vec![runs(6, &[1])]);
    let all =
        [(same(1), decided(Verdict::Rejected, Decider::Person)), (same(2), None), (same(3), None)];
    let before = Standing::RejectedBefore { number: 1 };
    assert_eq!(standings(&all, plan), [Standing::Rejected, before.clone(), before]);
}

#[test]
fn the_policy_is_charged_for_what_it_approved_alone() {
    let cost = AcceleratorTime::from_hours(6);
    let verdict = Verdict::Approved { plan: PlanId::new(), chosen: vec![1], cost };
    let by_policy = decided(verdict.clone(), Decider::Policy);
    let by_person = decided(verdict, Decider::Person);
    let rejected = decided(Verdict::Rejected, Decider::Policy);
    let all = [by_policy, by_person, rejected];
    assert_eq!(approved_by_policy(all.iter().flatten()), cost);
    let cap = AutoApprove { cap: AcceleratorTime::from_hours(4), used: cost };
    assert_eq!(cap.left(), AcceleratorTime::ZERO);
}

#[test]
fn an_interval_is_said_in_the_unit_of_its_quantity() {
    let expected = |lower, upper| {
        let interval = Interval { lower, upper };
        Expectation { value: lower, interval }
    };
    assert_eq!(expected(17e3, 209e3).words(Quantity::CrossingHours), "17 kh to 209 kh");
    assert_eq!(expected(2.1234, 2.2).words(Quantity::Loss), "2.12 to 2.2");
    assert_eq!(expected(0.995, 1.0025).words(Quantity::LossRatio), "-0.50 % to +0.25 %");
    assert!((expected(10.0, 1000.0).decades() - 2.0).abs() < 1e-12);
}
