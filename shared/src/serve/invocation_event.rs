//! What a function is invoked with on Lambda.

use std::{fmt::Debug, future::Future};

use axum::{
    body::Body,
    http::{Request, Response},
};
use lambda_runtime::Diagnostic;
use serde::{Serialize, de::DeserializeOwned};

/// An event that stands for a request, and the form in which its sender takes the response.
pub trait InvocationEvent: DeserializeOwned + Send + 'static {
    /// What an answer needs to know of its event.
    type Form: Send;
    /// The answer.
    type Answer: Serialize + Send + 'static;
    /// Why there is none. To Lambda this is a failed invocation, whoever the sender is.
    type Error: Into<Diagnostic> + Debug + Send + 'static;

    /// The request that it stands for.
    fn into_request(self) -> (Request<Body>, Self::Form);

    /// `response` in the form that the sender takes.
    ///
    /// # Errors
    ///
    /// Where the form has no word for such a response.
    fn answer(
        form: Self::Form,
        response: Response<Body>,
    ) -> impl Future<Output = Result<Self::Answer, Self::Error>> + Send;

    /// The answer to what is no such event: to whoever may invoke the function by hand.
    ///
    /// # Errors
    ///
    /// Where there is none that would be harmless.
    fn answer_unreadable() -> Result<Self::Answer, Self::Error>;
}
