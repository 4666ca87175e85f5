// SPDX-License-Identifier: GPL-3.0-or-later
// The page for people at `/` of the admin door: its text, and the policy under which a browser runs it.
#pragma once

#include <string>
#include <string_view>

namespace culvert {

/// Returns the page (text/html; charset=utf-8). `nonce` is random, new for each answer, and consists of base64 characters. It
/// replaces each `{{nonce}}` of src/admin/page/index.html. Thread: any.
std::string adminPage(std::string_view nonce);

/// Returns the value of Content-Security-Policy for that answer. The browser runs only the script and the style sheet that carry
/// the nonce, and sends requests only to the admin door itself. So a server name that contains HTML can do nothing. Thread: any.
std::string pageSecurityPolicy(std::string_view nonce);

}  // namespace culvert
