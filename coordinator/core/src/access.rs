//! Who may do what: roles, the actions that a role may do, and the actor that a token stands for.
//!
//! [`Action::roles`] is the one table. Every door of the coordinator, whatever it speaks, asks
//! [`Actor::must`] and [`Actor::sees`] and nothing else.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::control::Control;
use crate::token::TokenId;

/// What a token was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Submits sweeps and steers them, within the budgets that they have.
    Submitter,
    /// May do everything.
    Admin,
    /// Trains runs.
    Worker,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Submitter, Self::Admin, Self::Worker];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Submitter => "submitter",
            Self::Admin => "admin",
            Self::Worker => "worker",
        }
    }

    #[must_use]
    pub fn may(self, action: Action) -> bool {
        action.roles().contains(&self)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is no role; there are {}", words(&Self::ALL, "and")))
    }
}

/// Something that a role is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Look at sweeps, runs, forecasts, queue and projects.
    Read,
    /// Plan and submit sweeps.
    Submit,
    /// Pause, resume, cancel and retry.
    Steer,
    /// Import runs of other tools, and take imports back.
    Import,
    /// Raise the budget of a sweep. Apart from steering: it spends what others may need.
    RaiseBudget,
    /// Set what a project may have.
    SetProject,
    /// Make, list and revoke tokens.
    ManageTokens,
    /// Lease runs and report of them.
    Work,
    /// Ask how the coordinator is, and who one is.
    Diagnose,
}

impl Action {
    pub const ALL: [Self; 9] = [
        Self::Read,
        Self::Submit,
        Self::Steer,
        Self::Import,
        Self::RaiseBudget,
        Self::SetProject,
        Self::ManageTokens,
        Self::Work,
        Self::Diagnose,
    ];

    /// The roles that may do it.
    #[must_use]
    pub const fn roles(self) -> &'static [Role] {
        use Role::{Admin, Submitter, Viewer, Worker};
        match self {
            Self::Read => &[Viewer, Submitter, Admin],
            Self::Submit | Self::Steer | Self::Import => &[Submitter, Admin],
            Self::RaiseBudget | Self::SetProject | Self::ManageTokens => &[Admin],
            Self::Work => &[Worker, Admin],
            Self::Diagnose => &[Viewer, Submitter, Admin, Worker],
        }
    }

    /// It concerns every project, so that a token of one project may not do it.
    #[must_use]
    pub const fn concerns_all(self) -> bool {
        matches!(self, Self::SetProject | Self::ManageTokens | Self::Work)
    }

    /// As in "may not ...".
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "look at sweeps",
            Self::Submit => "plan or submit sweeps",
            Self::Steer => "pause, resume, cancel or retry",
            Self::Import => "import runs",
            Self::RaiseBudget => "raise budgets",
            Self::SetProject => "set projects",
            Self::ManageTokens => "manage tokens",
            Self::Work => "train runs",
            Self::Diagnose => "ask how the coordinator is",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<Control> for Action {
    fn from(control: Control) -> Self {
        match control {
            Control::Pause | Control::Resume | Control::Cancel | Control::Retry => Self::Steer,
            Control::Raise => Self::RaiseBudget,
        }
    }
}

/// Why somebody who has signed in may not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("the token `{name}` may not {action}: its role is {role}")]
    Role { name: String, role: Role, action: Action },
    #[error("the token `{name}` may not {action}: it is bound to the project `{project}`")]
    Bound { name: String, project: String, action: Action },
    #[error("the token `{name}` is bound to the project `{project}`, not `{asked}`")]
    Elsewhere { name: String, project: String, asked: String },
    #[error("the token `{name}` does not hold attempt {epoch}: another one leased it")]
    NotItsLease { name: String, epoch: u32 },
}

impl Denied {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Role { action, .. } => {
                format!("it takes a token of the role {}", words(action.roles(), "or"))
            }
            Self::Bound { .. } => "it takes a token that is bound to no project".to_owned(),
            Self::Elsewhere { project, .. } => format!("`project: {project}` is what it may use"),
            Self::NotItsLease { .. } => {
                "a worker reports with the token that it leased its run with".to_owned()
            }
        }
    }
}

/// `viewer, submitter or admin`.
fn words(roles: &[Role], last: &str) -> String {
    let names: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
    match names.split_last() {
        Some((name, before)) if !before.is_empty() => {
            format!("{} {last} {name}", before.join(", "))
        }
        _ => names.concat(),
    }
}

/// Whoever asks, as the door let them in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// None where the doors are open.
    pub token: Option<TokenId>,
    /// That of the token.
    pub name: String,
    pub role: Role,
    /// None for all of them.
    pub project: Option<String>,
}

impl Actor {
    /// Whoever comes in where nobody has to sign in.
    #[must_use]
    pub const fn anybody() -> Self {
        Self { token: None, name: String::new(), role: Role::Admin, project: None }
    }

    /// Passes those who may do something.
    ///
    /// # Errors
    /// [`Denied`], with the reason.
    pub fn must(&self, action: Action) -> Result<(), Denied> {
        let (name, role) = (self.name.clone(), self.role);
        match &self.project {
            _ if !role.may(action) => Err(Denied::Role { name, role, action }),
            Some(project) if action.concerns_all() => {
                Err(Denied::Bound { name, project: project.clone(), action })
            }
            _ => Ok(()),
        }
    }

    /// Whether a sweep of this project exists for them.
    #[must_use]
    pub fn sees(&self, project: &str) -> bool {
        self.project.as_deref().is_none_or(|own| own == project)
    }

    /// Passes those who may use this project.
    ///
    /// # Errors
    /// [`Denied::Elsewhere`].
    pub fn must_see(&self, asked: &str) -> Result<(), Denied> {
        match &self.project {
            Some(project) if project != asked => {
                let (name, project) = (self.name.clone(), project.clone());
                Err(Denied::Elsewhere { name, project, asked: asked.to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// The name to keep with what they do: that of their token, or, where nobody signs in, what they
    /// call themselves.
    #[must_use]
    pub fn called(&self, claimed: String) -> String {
        if self.token.is_some() { self.name.clone() } else { claimed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every role and action, written out: what is not in this list is refused.
    #[test]
    fn every_role_and_action_is_decided() {
        use Action as A;
        use Role as R;
        for role in R::ALL {
            for action in A::ALL {
                let expected = match (role, action) {
                    (R::Admin, _) => true,
                    (_, A::Diagnose) | (R::Viewer, A::Read) => true,
                    (R::Submitter, A::Read | A::Submit | A::Steer | A::Import) => true,
                    (R::Worker, A::Work) => true,
                    (R::Viewer | R::Submitter | R::Worker, _) => false,
                };
                assert_eq!(role.may(action), expected, "{role} and {action}");
            }
            assert_eq!(role.as_str().parse(), Ok(role));
        }
    }

    fn actor(role: Role, project: Option<&str>) -> Actor {
        let token = Some(TokenId(7));
        Actor { token, name: "ci".to_owned(), role, project: project.map(str::to_owned) }
    }

    #[test]
    fn a_token_of_a_project_does_nothing_that_concerns_all() {
        for action in Action::ALL {
            let global = [Action::SetProject, Action::ManageTokens, Action::Work].contains(&action);
            assert_eq!(actor(Role::Admin, Some("vision")).must(action).is_err(), global);
            assert_eq!(actor(Role::Admin, None).must(action), Ok(()));
            assert_eq!(Actor::anybody().must(action), Ok(()));
        }
        let bound = actor(Role::Submitter, Some("vision"));
        assert!(bound.sees("vision") && !bound.sees("default"));
        assert!(actor(Role::Viewer, None).sees("default"));
    }

    #[test]
    fn a_refusal_names_the_right_and_who_has_it() {
        let refused = actor(Role::Viewer, None).must(Action::Steer).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the token `ci` may not pause, resume, cancel or retry: its role is viewer"
        );
        assert_eq!(refused.hint(), "it takes a token of the role submitter or admin");
        let refused = actor(Role::Submitter, None).must(Action::RaiseBudget).unwrap_err();
        assert_eq!(refused.hint(), "it takes a token of the role admin");
        let refused = actor(Role::Submitter, Some("vision")).must_see("default").unwrap_err();
        assert!(refused.to_string().contains("`vision`, not `default`"), "{refused}");
    }

    #[test]
    fn a_signed_in_actor_goes_by_the_name_of_its_token() {
        assert_eq!(actor(Role::Admin, None).called("ada".to_owned()), "ci");
        assert_eq!(Actor::anybody().called("ada".to_owned()), "ada");
    }

    #[test]
    fn raising_a_budget_is_a_right_of_its_own() {
        for control in Control::ALL {
            let raises = control == Control::Raise;
            assert_eq!(Role::Submitter.may(control.into()), !raises, "{control}");
        }
    }
}
