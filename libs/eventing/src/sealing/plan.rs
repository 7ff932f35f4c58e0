//! What must be sealed, read once from the descriptors' options.

use std::{collections::HashMap, sync::OnceLock};

use prost_reflect::{DescriptorPool, FieldDescriptor, MessageDescriptor, Value};

use super::Class;

/// The marked fields of one message: field number → (class, number of the field that names the subject).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MessagePlan {
    pub marked: HashMap<u32, (Class, u32)>,
}

/// Every message's plan, by full name. Messages without marked fields are absent.
#[derive(Debug, Default)]
pub struct Plans(HashMap<String, MessagePlan>);

impl Plans {
    /// The plans of the compiled contract.
    pub fn of_contract() -> &'static Self {
        static PLANS: OnceLock<Plans> = OnceLock::new();
        PLANS.get_or_init(|| {
            Self::read(proto::DESCRIPTORS).unwrap_or_else(|error| {
                // The descriptors are compiled into this binary: they are right, or nothing may be written at all.
                std::panic::panic_any(format!("the contract's sealing options cannot be read: {error}"))
            })
        })
    }

    /// Fails when a marked field has no valid subject, or stands below the top of a message that is itself unmarked.
    pub fn read(descriptors: &[u8]) -> Result<Self, String> {
        let pool = DescriptorPool::decode(descriptors).map_err(|error| error.to_string())?;
        let options = Options::of(&pool)?;
        let mut plans = HashMap::new();
        for message in pool.all_messages() {
            let plan = options.plan(&message)?;
            if !plan.marked.is_empty() {
                plans.insert(message.full_name().to_owned(), plan);
            }
        }
        for message in pool.all_messages() {
            let plan = plans.get(message.full_name());
            for field in message.fields() {
                let nested = field.kind().as_message().map(|kind| kind.full_name().to_owned());
                let sealed = plan.is_some_and(|plan| plan.marked.contains_key(&field.number()));
                if let Some(nested) =
                    nested.filter(|nested| !sealed && carries_facts(&message) && plans.contains_key(nested))
                {
                    return Err(format!(
                        "{} holds marked fields of {nested} in the clear",
                        field.full_name()
                    ));
                }
            }
        }
        Ok(Self(plans))
    }

    pub fn of(&self, kind: &str) -> Option<&MessagePlan> {
        self.0.get(kind)
    }

    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// Requests and answers of RPCs are never kept: only kept messages may not nest what is marked.
fn carries_facts(message: &MessageDescriptor) -> bool {
    message.parent_file().name().ends_with("_events.proto")
}

struct Options {
    sealed: prost_reflect::ExtensionDescriptor,
    sealed_subject: prost_reflect::ExtensionDescriptor,
    subject: prost_reflect::ExtensionDescriptor,
}

impl Options {
    fn of(pool: &DescriptorPool) -> Result<Self, String> {
        let extension = |name: &str| {
            pool.get_extension_by_name(&format!("stadion.options.v1.{name}"))
                .ok_or_else(|| format!("no option {name}"))
        };
        Ok(Self {
            sealed: extension("sealed")?,
            sealed_subject: extension("sealed_subject")?,
            subject: extension("subject")?,
        })
    }

    fn plan(&self, message: &MessageDescriptor) -> Result<MessagePlan, String> {
        let mut marked = HashMap::new();
        for field in message.fields() {
            if let Some(class) = self.class(&field) {
                marked.insert(field.number(), (class, self.subject_of(message, &field)?));
            }
        }
        Ok(MessagePlan { marked })
    }

    fn class(&self, field: &FieldDescriptor) -> Option<Class> {
        let options = field.options();
        if !options.has_extension(&self.sealed) {
            return None;
        }
        let number = options.get_extension(&self.sealed).as_enum_number()?;
        Class::try_from(number).ok().filter(|class| *class != Class::Unspecified)
    }

    fn subject_of(&self, message: &MessageDescriptor, field: &FieldDescriptor) -> Result<u32, String> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut name = text(&field.options().get_extension(&self.sealed_subject));
        if name.is_empty() {
            name = text(&message.options().get_extension(&self.subject));
        }
        let subject = message.get_field_by_name(&name).ok_or_else(|| {
            format!("{} is marked, and its subject «{name}» is no field", field.full_name())
        })?;
        if self.class(&subject).is_some() || !matches!(subject.kind(), prost_reflect::Kind::Bytes) {
            return Err(format!("{}: a subject is an unmarked bytes field", subject.full_name()));
        }
        Ok(subject.number())
    }
}
