//! Which candidates are of the judge's own family.

use ordinate_core::CandidateName;
use ordinate_core::task::{CandidateEntry, JudgeSection, Local};
use ordinate_data::Task;

/// The candidates that the task file says are, and those whose model is named as the judge's is.
pub(super) fn own(task: &Task, judge: &JudgeSection) -> Vec<CandidateName> {
    let family = judge.openai.as_ref().and_then(|openai| family_of(&openai.model));
    let is_own = |entry: &&CandidateEntry| {
        let theirs = entry.openai.as_ref().and_then(|openai| family_of(&openai.model));
        let same_model = family.is_some() && theirs == family;
        let same_program = judge.command.is_some() && entry.command == judge.command;
        let model = |local: &Option<Local>| local.as_ref().map(|local| local.model.clone());
        let same_here = judge.local.is_some() && model(&entry.local) == model(&judge.local);
        same_model || same_program || same_here || judge.family.contains(&entry.name)
    };
    task.file.candidate.iter().filter(is_own).map(|entry| entry.name.clone()).collect()
}

/// The letters that a model's name begins with, behind its organisation: `gpt` of `openai/gpt-4.1`. `None` of fewer than two.
fn family_of(model: &str) -> Option<String> {
    let name = model.rsplit('/').next().unwrap_or(model).to_lowercase();
    let letters: String = name.chars().take_while(|c| c.is_alphabetic()).collect();
    (letters.chars().count() > 1).then_some(letters)
}

/// Who grades, in words.
pub(super) fn shown(judge: &JudgeSection) -> String {
    let openai = judge.openai.as_ref().map(|openai| openai.model.clone());
    let command = judge.command.as_ref().map(|command| command.run.join(" "));
    let recorded = judge.recorded.as_ref().map(|recorded| recorded.path.clone());
    let local = judge.local.as_ref().map(|local| {
        // A folder is told by its name.
        let name = std::path::Path::new(&local.model).file_name().filter(|_| !local.model.starts_with("hf:"));
        name.map_or_else(|| local.model.clone(), |name| name.to_string_lossy().into_owned())
    });
    openai.or(command).or(local).or(recorded).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::family_of;

    #[test]
    fn names_of_models_tell_families() {
        let named = ["openai/gpt-4.1", "gpt-4o-mini", "Qwen2.5-7B-Instruct", "qwen3:8b", "o3"].map(family_of);
        let said = named.each_ref().map(Option::as_deref);
        assert_eq!(said, [Some("gpt"), Some("gpt"), Some("qwen"), Some("qwen"), None]);
    }
}
