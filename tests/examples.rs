//! The examples do what they say: each checks itself.

#[path = "../examples/embed_orders.rs"]
#[expect(dead_code, reason = "its main is for the command line")]
mod embed_orders;
#[path = "../examples/own_port.rs"]
#[expect(dead_code, reason = "its main is for the command line")]
mod own_port;
#[path = "../examples/swap_an_adapter.rs"]
#[expect(dead_code, reason = "its main is for the command line")]
mod swap_an_adapter;
#[path = "../examples/two_services.rs"]
#[expect(dead_code, reason = "its main is for the command line")]
mod two_services;

#[tokio::test]
async fn the_order_core_is_embedded() {
    embed_orders::run().await.unwrap();
}

#[tokio::test]
async fn a_port_is_replaced() {
    own_port::run().await.unwrap();
}

#[tokio::test]
async fn an_adapter_is_swapped_by_its_address() {
    swap_an_adapter::run().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_services_make_a_binary() {
    two_services::run().await.unwrap();
}
