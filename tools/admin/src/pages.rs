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
        let Some(row) = page.last() else { return Ok(()) };
        last = Some(row.user.id.clone());
        visit(page).await?;
    }
}
