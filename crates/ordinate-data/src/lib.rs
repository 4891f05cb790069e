//! Items and evidence in: task files, evidence tables, recorded answers.
