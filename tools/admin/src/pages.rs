//! All users, a page at a time.

use shared::users::{UserDirectory, UserRow};

use crate::answer::Failure;

/// Some hundred KiB, and a query that takes milliseconds.
const USERS_PER_PAGE: u32 = 500;

/// Gives every page of users to `visit`, in the order of their ids.
pub(crate) async fn each_page(
    users: &dyn UserDirectory,
    mut visit: impl AsyncFnMut(Vec<UserRow>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut last: Option<String> = None;
    loop {
        let page = users.page(last.as_deref(), USERS_PER_PAGE).await?;
        let is_full = page.len() >= USERS_PER_PAGE as usize;
        last = page.last().map(|row| row.user.id.clone());
        visit(page).await?;
        if !is_full {
            return Ok(());
        }
        // Without an id there is nothing to go on behind.
        if last.as_ref().is_none_or(String::is_empty) {
            return Err(Failure::because("the column `id` holds no texts; see auth-admin check"));
        }
    }
}
