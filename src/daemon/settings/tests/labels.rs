//! What is told of `[[label_providers]]`, with the exact place.

use super::*;

#[test]
fn a_slip_in_a_provider_of_labels_is_told_at_its_place() {
    check_main(&[(
        "[[label_providers]]\nname = \"a b\"\nurl = \"http://labels.example.com\"\n\
         [[label_providers]]\nname = \"c\"\nurl = \"https://labels.example.com\"\n\
         [[label_providers]]\nname = \"c\"\nurl = \"http://127.0.0.1:9\"\n",
        &[
            "oneshelf.toml:2:8: a provider of labels needs a `name` of letters, digits, `-` and `_` (name = \
             \"bridge\")",
            "oneshelf.toml:3:7: a provider of labels needs an address with https (url = \
             \"https://labels.example.com/v1\"; http only to this machine)",
            "oneshelf.toml:8:8: there are two providers of labels `c`",
        ],
    )]);
}
