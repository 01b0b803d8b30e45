//! The proof that a card's kernel finds its root file system on the boards it is meant for.
//!
//! A driver that is neither built in nor in the initrd does not show in a virtual machine, which lacks
//! the hardware: on the real board the boot hangs at "waiting for root device". So the device tree is
//! walked from the SD slot to everything that it hangs on, and each device is asked for its driver.

mod card;
mod check;
mod drivers;
mod fdt;
mod initrd;
mod kernel;

pub use card::{BoardError, prove};
pub use check::{Board, Gap, missing_drivers};
pub use drivers::{Driver, Drivers};
pub use fdt::{DeviceTree, FdtError, Node};
pub use initrd::{InitrdError, modules};
pub use kernel::KernelError;
