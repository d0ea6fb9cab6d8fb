//! Each connector against the twin of its channel, in one process.

mod ebay;
mod official;
mod port;
mod shopify;
mod square;
mod woocommerce;
mod woocommerce_captures;

#[test]
fn the_vault_of_the_tests_keeps_what_it_is_given() {
    use channel::Vault;
    let vault = port::MemoryVault::default();
    port::block_on(async {
        vault
            .store("token", channel::Secret::new("t"))
            .await
            .expect("stored");
        let kept = vault.load("token").await.expect("loaded");
        assert_eq!(kept.expect("kept").expose(), "t");
        assert!(vault.load("other").await.expect("loaded").is_none());
    });
}
