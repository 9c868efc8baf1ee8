// SPDX-License-Identifier: Apache-2.0
//
// The version of libfuse, as its meson step writes it.

#define FUSE_MAJOR_VERSION 3
#define FUSE_MINOR_VERSION 17
#define FUSE_HOTFIX_VERSION 2
#define FUSE_RC_VERSION ""
