//! What becomes of users that are added, changed and removed.

use secrecy::ExposeSecret;
use shared::users::{NewUser, StoreError, User, UserDirectory};

use crate::{add, find, new_user};

pub(crate) async fn suite(users: &dyn UserDirectory) {
    a_hash_is_replaced_only_if_it_is_still_the_one_that_was_read(users).await;
    users_are_added_all_or_none(users).await;
    of_concurrent_additions_of_one_email_exactly_one_wins(users).await;
    a_change_reaches_its_user_and_nobody_else(users).await;
    changes_to_nobody_say_so(users).await;
    pages_have_everybody_once_in_the_order_of_ids(users).await;
    the_database_answers(users).await;
}

async fn hash_of(users: &dyn UserDirectory, email: &str) -> String {
    find(users, email).await.unwrap().password.expose_secret().to_owned()
}

async fn a_hash_is_replaced_only_if_it_is_still_the_one_that_was_read(users: &dyn UserDirectory) {
    let email = "swap@example.com";
    let read = add(users, email).await;
    assert!(users.replace_hash(&read, "stronger").await.unwrap());
    assert_eq!(hash_of(users, email).await, "stronger");
    assert!(!users.replace_hash(&read, "too late").await.unwrap());
    assert_eq!(hash_of(users, email).await, "stronger");
    // Case is part of a hash. (Trailing blanks are not: MySQL's utf8mb4_bin ignores them.)
    let near = User { password: "STRONGER".into(), ..find(users, email).await.unwrap() };
    assert!(!users.replace_hash(&near, "too near").await.unwrap());
    assert_eq!(hash_of(users, email).await, "stronger");
}

async fn users_are_added_all_or_none(users: &dyn UserDirectory) {
    add(users, "taken@example.com").await;
    let batch = ["first@example.com", "TAKEN@example.com", "third@example.com"].map(new_user);
    let error = users.add(&batch).await.unwrap_err();
    assert!(matches!(error, StoreError::Duplicate(1)), "{error:?}");
    let twice = ["a@all.example", "b@all.example", "A@all.example"].map(new_user);
    let error = users.add(&twice).await.unwrap_err();
    assert!(matches!(error, StoreError::Duplicate(2)), "{error:?}");
    for email in ["first@example.com", "third@example.com", "a@all.example", "b@all.example"] {
        assert!(find(users, email).await.is_none(), "{email} was added in spite of an error");
    }
    users.add(&[]).await.unwrap();
    let many: Vec<NewUser> = (0..50).map(|n| new_user(&format!("{n}@all.example"))).collect();
    users.add(&many).await.unwrap();
    assert!(find(users, "49@all.example").await.is_some());
}

async fn of_concurrent_additions_of_one_email_exactly_one_wins(users: &dyn UserDirectory) {
    let user = [new_user("race@example.com")];
    let race = tokio::join!(users.add(&user), users.add(&user), users.add(&user), users.add(&user));
    let outcomes = [race.0, race.1, race.2, race.3];
    let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let lost = |outcome: &&_| matches!(outcome, Err(StoreError::Duplicate(0)));
    assert_eq!((won, outcomes.iter().filter(lost).count()), (1, 3), "{outcomes:?}");
}

async fn a_change_reaches_its_user_and_nobody_else(users: &dyn UserDirectory) {
    let (mine, other) = ("mine@example.com", "other@example.com");
    add(users, mine).await;
    let before = format!("{:?}", facts(&add(users, other).await));

    assert!(users.set_hash("MINE@example.com", "new").await.unwrap());
    assert_eq!(hash_of(users, mine).await, "new");
    assert!(users.set_admin(mine, true).await.unwrap());
    assert!(users.set_admin(mine, true).await.unwrap(), "an administrator stays one");
    assert!(find(users, mine).await.unwrap().admin);
    assert!(users.set_admin(mine, false).await.unwrap());
    assert!(!find(users, mine).await.unwrap().admin);
    assert!(users.remove(mine).await.unwrap());
    assert!(find(users, mine).await.is_none());

    let after = find(users, other).await.unwrap();
    assert_eq!(format!("{:?}", facts(&after)), before);
    let boss = NewUser { admin: true, ..new_user("boss@example.com") };
    users.add(&[boss]).await.unwrap();
    assert!(find(users, "boss@example.com").await.unwrap().admin);
}

fn facts(user: &User) -> (&str, &str, &str, bool) {
    (&user.id, &user.email, user.password.expose_secret(), user.admin)
}

async fn changes_to_nobody_say_so(users: &dyn UserDirectory) {
    let nobody = "nobody@example.com";
    assert!(!users.set_hash(nobody, "x").await.unwrap());
    assert!(!users.set_admin(nobody, true).await.unwrap());
    assert!(!users.remove(nobody).await.unwrap());
}

async fn pages_have_everybody_once_in_the_order_of_ids(users: &dyn UserDirectory) {
    let everybody = users.page(None, 10_000).await.unwrap();
    let ids: Vec<u64> = everybody.iter().map(|row| row.user.id.parse().unwrap()).collect();
    assert!(ids.len() > 50 && ids.is_sorted(), "{ids:?}");
    for row in &everybody {
        let times = [&row.created_at, &row.updated_at].map(|time| time.as_ref().unwrap());
        let form = |time: &&String| time.len() == 19 && time.starts_with("20");
        assert!(times.iter().all(form), "{times:?} are not of the form 2026-01-31 23:59:59");
    }

    let (mut paged, mut last) = (Vec::new(), None);
    loop {
        let page = users.page(last.as_deref(), 7).await.unwrap();
        assert!(page.len() <= 7);
        let Some(row) = page.last() else { break };
        last = Some(row.user.id.clone());
        paged.extend(page);
    }
    let emails = |rows: &[shared::users::UserRow]| -> Vec<String> {
        rows.iter().map(|row| row.user.email.clone()).collect()
    };
    assert_eq!(emails(&paged), emails(&everybody));
}

async fn the_database_answers(users: &dyn UserDirectory) {
    users.ping().await.unwrap();
}
