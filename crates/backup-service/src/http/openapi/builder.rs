//! One call in the making.

use backup_api::{Action, Problem};
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

/// A call of the API, as OpenAPI writes it.
pub(super) struct Call {
    /// In lower case.
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) value: Value,
}

/// Which request leads to an answer.
#[derive(Clone, Copy)]
pub(super) struct Example {
    request: &'static str,
    sender: &'static str,
    given: Option<&'static str>,
}

/// The request of this name, sent by somebody who may.
pub(super) const fn example(request: &'static str) -> Example {
    Example {
        request,
        sender: "owner",
        given: None,
    }
}

impl Example {
    /// What must have happened before.
    pub(super) const fn given(self, given: &'static str) -> Self {
        Self {
            given: Some(given),
            ..self
        }
    }

    const fn by(self, sender: &'static str) -> Self {
        Self { sender, ..self }
    }

    fn value(self) -> Value {
        let mut value = json!({ "request": self.request, "as": self.sender });
        if let Some(given) = self.given {
            value["given"] = given.into();
        }
        value
    }
}

impl Call {
    /// A call that somebody has to be allowed to make; whoever is not gets 401 or 403.
    pub(super) fn new(
        schemas: &mut SchemaGenerator,
        action: Action,
        (method, path): (&'static str, impl Into<String>),
        (tag, id): (&'static str, &'static str),
        summary: &'static str,
    ) -> Self {
        let call = Self::open((method, path), (tag, id), summary);
        let call = call.refuses(
            schemas,
            401,
            "Nobody is known by these credentials.",
            &[example("usual").by("nobody")],
        );
        if action == Action::View {
            return call;
        }
        call.refuses(
            schemas,
            403,
            "The caller may not do this here.",
            &[example("usual").by("guest")],
        )
    }

    /// A call that anybody may make.
    pub(super) fn open(
        (method, path): (&'static str, impl Into<String>),
        (tag, id): (&'static str, &'static str),
        summary: &'static str,
    ) -> Self {
        Self {
            method,
            path: path.into(),
            value: json!({
                "operationId": id,
                "tags": [tag],
                "summary": summary,
                "parameters": [],
                "responses": {},
            }),
        }
    }

    pub(super) fn without_credentials(mut self) -> Self {
        self.value["security"] = json!([]);
        self
    }

    pub(super) fn takes(mut self, parameters: impl IntoIterator<Item = Value>) -> Self {
        if let Some(all) = self.value["parameters"].as_array_mut() {
            all.extend(parameters);
        }
        self
    }

    /// Each kind of body by its media type.
    pub(super) fn carries(mut self, content: Value) -> Self {
        self.value["requestBody"] = json!({ "required": true, "content": content });
        self
    }

    /// An answer, whatever it carries.
    pub(super) fn answers(
        mut self,
        status: u16,
        description: &str,
        answer: Value,
        examples: &[Example],
    ) -> Self {
        let mut answer = answer;
        answer["description"] = description.into();
        answer["x-examples"] = examples.iter().map(|example| example.value()).collect();
        self.value["responses"][status.to_string()] = answer;
        self
    }

    /// An answer that is JSON.
    pub(super) fn gives<T: JsonSchema>(
        self,
        schemas: &mut SchemaGenerator,
        description: &str,
        examples: &[Example],
    ) -> Self {
        let answer = super::answers::json::<T>(schemas);
        self.answers(200, description, answer, examples)
    }

    pub(super) fn refuses(
        self,
        schemas: &mut SchemaGenerator,
        status: u16,
        description: &str,
        examples: &[Example],
    ) -> Self {
        let schema = schemas.subschema_for::<Problem>();
        // An answer to HEAD has no body.
        let answer = if self.method == "head" {
            json!({})
        } else {
            json!({ "content": { (backup_api::PROBLEM_CONTENT_TYPE): { "schema": schema } } })
        };
        self.answers(status, description, answer, examples)
    }
}
