//! What a call is, until it is written down as OpenAPI: a short language for the tables in `calls` and `recipients`.

use super::super::{Access, Route};
use protocol::ProblemKind;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

/// The schemas that answers refer to, by the names of their structs. They are as answers are written: what is always there is
/// required. What calls take is written in place, as it is read: what may be left out is not.
pub(super) struct Schemas(SchemaGenerator);

impl Schemas {
    pub(super) fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Self(settings.into_generator())
    }

    /// A reference to the schema of `T`.
    pub(super) fn named<T: JsonSchema>(&mut self) -> Value {
        bounded(self.0.subschema_for::<T>().to_value())
    }

    /// All that were referred to.
    pub(super) fn finish(mut self) -> Value {
        Value::Object(self.0.take_definitions(true).into_iter().map(|(name, schema)| (name, bounded(schema))).collect())
    }
}

/// The schema of `T`, in place.
pub(super) fn inline<T: JsonSchema>() -> Value {
    bounded(in_place().subschema_for::<T>().to_value())
}

fn in_place() -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.into_generator()
}

/// Says in JSON Schema's own words what `format` says of numbers: few programs know `uint32`.
fn bounded(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(fields) => {
            let (least, most) = match fields.get("format").and_then(Value::as_str) {
                Some("uint32") => (json!(0), json!(u32::MAX)),
                Some("uint64") => (json!(0), json!(u64::MAX)),
                Some("int64") => (json!(i64::MIN), json!(i64::MAX)),
                _ => (Value::Null, Value::Null),
            };
            if !most.is_null() {
                fields.entry("minimum").or_insert(least);
                fields.entry("maximum").or_insert(most);
            }
            fields.values_mut().for_each(|value| *value = bounded(value.take()));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| *value = bounded(value.take())),
        _ => {}
    }
    schema
}

/// What a call takes.
pub(super) enum Body {
    None,
    Json(Value),
    Bytes,
}

/// An answer that is no problem.
pub(super) struct Answer {
    pub(super) status: u16,
    /// By media type; empty: no body.
    pub(super) content: Vec<(&'static str, Value)>,
    pub(super) description: &'static str,
}

/// One call.
pub(super) struct Call {
    pub(super) summary: &'static str,
    pub(super) parameters: Vec<Value>,
    pub(super) body: Body,
    pub(super) answers: Vec<Answer>,
    /// Beyond those that come with who may call and what is taken.
    problems: Vec<ProblemKind>,
    has_query: bool,
}

impl Call {
    /// A call, by what it does in one line.
    pub(super) const fn new(summary: &'static str) -> Self {
        Self {
            summary,
            parameters: Vec::new(),
            body: Body::None,
            answers: Vec::new(),
            problems: Vec::new(),
            has_query: false,
        }
    }

    /// It takes JSON.
    pub(super) fn takes<T: JsonSchema>(self) -> Self {
        Self { body: Body::Json(bounded(in_place().into_root_schema_for::<T>().to_value())), ..self }
    }

    /// It takes plain bytes.
    pub(super) fn takes_bytes(self) -> Self {
        Self { body: Body::Bytes, ..self }
    }

    /// It reads the fields of `T` from the query.
    pub(super) fn asks<T: JsonSchema>(mut self) -> Self {
        self.has_query = true;
        let schema = inline::<T>();
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let mut field = without_null(field.clone());
            let description = field.as_object_mut().and_then(|field| field.remove("description"));
            let mut parameter = json!({ "name": name, "in": "query", "schema": field });
            if let Some(description) = description {
                parameter["description"] = description;
            }
            self.parameters.push(parameter);
        }
        self
    }

    /// It reads a header.
    pub(super) fn reads(mut self, name: &str, is_needed: bool, description: &str, schema: &Value) -> Self {
        let parameter = json!({ "name": name, "in": "header", "required": is_needed, "description": description, "schema": schema });
        self.parameters.push(parameter);
        self
    }

    /// It answers with JSON.
    pub(super) fn answers<T: JsonSchema>(self, status: u16, schemas: &mut Schemas) -> Self {
        let schema = schemas.named::<T>();
        self.answers_with(status, "As asked", vec![("application/json", schema)])
    }

    /// It answers without a body.
    pub(super) fn answers_nothing(self, status: u16, description: &'static str) -> Self {
        self.answers_with(status, description, Vec::new())
    }

    /// It answers with one of these.
    pub(super) fn answers_with(
        mut self,
        status: u16,
        description: &'static str,
        content: Vec<(&'static str, Value)>,
    ) -> Self {
        self.answers.push(Answer { status, content, description });
        self
    }

    /// Problems that are this call's own.
    pub(super) fn refuses(mut self, kinds: &[ProblemKind]) -> Self {
        self.problems.extend_from_slice(kinds);
        self
    }

    /// Every kind of problem that it can give, by number of status.
    pub(super) fn all_problems(&self, route: &Route) -> Vec<ProblemKind> {
        use ProblemKind as Kind;
        let mut kinds = self.problems.clone();
        kinds.extend(by_access(route));
        kinds.extend([Kind::TooManyRequests, Kind::Internal, Kind::Unavailable, Kind::StorageFull]);
        if route.path.contains('{') {
            kinds.push(Kind::NotFound);
        }
        if self.has_query {
            kinds.push(Kind::BadRequest);
        }
        if route.method != "GET" {
            kinds.extend([Kind::CrossOrigin, Kind::MediaType]);
        }
        if !matches!(self.body, Body::None) {
            kinds.extend([Kind::BadRequest, Kind::BodyTooLong, Kind::TooSlow]);
        }
        kinds.sort_by_key(|kind| (kind.status(), kind.slug()));
        kinds.dedup();
        kinds
    }
}

/// How those are refused who may not call.
fn by_access(route: &Route) -> Vec<ProblemKind> {
    use ProblemKind as Kind;
    let mut kinds = match route.access {
        Access::Anyone => vec![],
        Access::Browser => vec![Kind::WrongCode],
        Access::Link => vec![Kind::LinkInvalid],
        Access::Reader => vec![Kind::MailboxCodeNeeded],
        Access::Ticket => vec![Kind::TicketInvalid],
        Access::SignedIn => vec![Kind::SignInNeeded],
        Access::SettingUp => vec![Kind::SignInNeeded, Kind::SecondStepNeeded],
        Access::Person => vec![Kind::SignInNeeded, Kind::SecondStepNeeded, Kind::SecondStepMissing],
        Access::Sender | Access::Owner | Access::Auditor | Access::Administrator | Access::DepartmentHead => {
            vec![Kind::SignInNeeded, Kind::SecondStepNeeded, Kind::SecondStepMissing, Kind::RoleMissing]
        }
    };
    match route.scope {
        Some(_) => kinds.extend([Kind::TokenInvalid, Kind::ScopeMissing]),
        None if route.access != Access::Anyone || route.method != "GET" => kinds.push(Kind::TokenNotTaken),
        None => {}
    }
    kinds
}

/// A query leaves out what JSON would call null.
fn without_null(mut field: Value) -> Value {
    if let Some(types) = field.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|kind| kind != "null");
        if let [one] = types.as_slice() {
            field["type"] = one.clone();
        }
    }
    if let Some(choices) = field.get_mut("anyOf").and_then(Value::as_array_mut) {
        choices.retain(|choice| choice["type"] != "null");
        if let [one] = choices.as_slice() {
            let (one, description) = (one.clone(), field["description"].take());
            field = one;
            if description.is_string() {
                field["description"] = description;
            }
        }
    }
    if let Some(fields) = field.as_object_mut() {
        fields.retain(|name, value| name != "default" || !value.is_null());
    }
    field
}
