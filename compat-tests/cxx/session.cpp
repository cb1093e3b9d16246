// Two mailboxes in C++: join, multicast, growing buffers, membership, errors as exceptions, destructors.
// usage: session ADDRESS
#include "../c/check.h"
#include "mailbox.hpp"

#if __cplusplus >= 201103L
#include <thread>
#endif

namespace {

std::string unique(const char* prefix) {
  char text[32];
  snprintf(text, sizeof text, "%s%05u", prefix, static_cast<unsigned>(getpid()) % 100000u);
  return text;
}

int failure(const std::string& address, const std::string& name) {
  try {
    Mailbox refused(address, name);
  } catch (const SpreadError& error) {
    return error.code();
  }
  return 0;
}

void expect_join(Mailbox& at, const std::string& group, const std::string& who, std::size_t members) {
  Message message = at.receive();
  membership_info info;
  CHECK(message.membership());
  CHECK_EQUAL(message.type, REG_MEMB_MESS | CAUSED_BY_JOIN);
  CHECK_TEXT(message.sender.c_str(), group.c_str());
  CHECK_EQUAL(message.groups.size(), members);
  CHECK_EQUAL(SP_get_memb_info(message.body.data(), message.type, &info), 1);
  CHECK_TEXT(info.changed_member, who.c_str());
  if (CHECK(message.mess_type >= 0 && message.mess_type < static_cast<int>(members)))
    CHECK_TEXT(message.groups[static_cast<std::size_t>(message.mess_type)].c_str(), at.private_group().c_str());
}

void run(const std::string& address) {
  const std::string group = unique("cxx-session-");
  section("refused connects");
  CHECK_EQUAL(failure("nonsense", "x"), ILLEGAL_SPREAD);
  CHECK_EQUAL(failure("1@127.0.0.1", "x"), COULD_NOT_CONNECT);
  CHECK_EQUAL(failure(address, "a b"), REJECT_ILLEGAL_NAME);

  section("join");
  Mailbox a(address, unique("xa"));
  a.join(group);
  expect_join(a, group, a.private_group(), 1);
  CHECK_EQUAL(failure(address, unique("xa")), REJECT_NOT_UNIQUE);
  {
    Mailbox b(address, unique("xb"));
    b.join(group);
    expect_join(a, group, b.private_group(), 2);
    expect_join(b, group, b.private_group(), 2);

    section("growing buffers");
    std::string big(50000, '\0');
    for (std::size_t i = 0; i < big.size(); i++) big[i] = static_cast<char>(i % 253);
    std::vector<std::string> groups;
    groups.push_back(group);
    groups.push_back(unique("cxx-other-"));
    groups.push_back(a.private_group());
    CHECK_EQUAL(b.send(AGREED_MESS | SELF_DISCARD, groups, big, -5), static_cast<long>(big.size()));
    Message message = a.receive();
    CHECK(message.regular());
    CHECK_EQUAL(message.type, AGREED_MESS | SELF_DISCARD);
    CHECK_TEXT(message.sender.c_str(), b.private_group().c_str());
    CHECK_EQUAL(message.mess_type, -5);
    CHECK_EQUAL(message.endian, 0);
    CHECK(message.groups == groups);
    CHECK(message.body == big);
    CHECK_EQUAL(a.body_room(), big.size());

    section("private answer");
    CHECK_EQUAL(a.send(SAFE_MESS, message.sender, "thanks", 7), 6);
    message = b.receive();
    CHECK(message.body == "thanks" && message.sender == a.private_group() && message.mess_type == 7);
    CHECK_EQUAL(b.poll(), 0);

    section("errors");
    try {
      b.join("two words");
      CHECK(!"an exception");
    } catch (const SpreadError& error) {
      CHECK_EQUAL(error.code(), ILLEGAL_GROUP);
      CHECK(error.what()[0] != '\0');
    }
    section("destructor");
  }
  Message message = a.receive();
  CHECK_EQUAL(message.type, REG_MEMB_MESS | CAUSED_BY_DISCONNECT);
  CHECK_EQUAL(message.groups.size(), 1);
#if __cplusplus >= 201103L
  section("thread");
  int sum = 0;
  std::thread reader([&] {
    for (int i = 0; i < 100; i++) sum += a.receive().mess_type;
  });
  for (int i = 0; i < 100; i++) a.send(FIFO_MESS, group, "x", i);
  reader.join();
  CHECK_EQUAL(sum, 4950);
#endif
  section("leave");
  a.leave(group);
  message = a.receive();
  CHECK(Is_self_leave(message.type));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: session ADDRESS\n");
    return 64;
  }
  check_start(60);
  try {
    run(argv[1]);
  } catch (const std::exception& error) {
    check_at(__LINE__, 0, error.what());
  }
  return check_end();
}
