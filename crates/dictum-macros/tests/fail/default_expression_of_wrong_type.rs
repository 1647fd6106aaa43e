use dictum::prelude::*;

#[derive(FieldType)]
enum Team {
    Billing,
    Sales,
}

#[derive(Signature)]
struct Triage {
    #[input]
    message: String,
    #[output(default = "Billing")]
    team: Team,
}

fn main() {}
