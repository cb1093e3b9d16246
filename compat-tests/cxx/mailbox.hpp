// A mailbox as C++ applications wrap it: the destructor disconnects, errors are exceptions, messages are values.
// Compiles as C++98 and as any later language version.
#ifndef COMPAT_MAILBOX_HPP
#define COMPAT_MAILBOX_HPP

#include <sp.h>

#include <stdexcept>
#include <string>
#include <vector>

class SpreadError : public std::runtime_error {
 public:
  explicit SpreadError(int code) : std::runtime_error(SP_strerror(code)), code_(code) {}
  int code() const { return code_; }

 private:
  int code_;
};

struct Message {
  Message() : type(0), mess_type(0), endian(0) {}
  bool regular() const { return Is_regular_mess(type) != 0; }
  bool membership() const { return Is_membership_mess(type) != 0; }

  service type;
  std::string sender;
  std::vector<std::string> groups;
  int mess_type;
  int endian;
  std::string body;
};

class Mailbox {
 public:
  Mailbox(const std::string& address, const std::string& name) : mbox_(-1), body_(16), groups_(32) {
    char group[MAX_GROUP_NAME];
    check(SP_connect(address.c_str(), name.c_str(), 0, 1, &mbox_, group), ACCEPT_SESSION);
    private_group_ = group;
  }
  ~Mailbox() {
    if (mbox_ >= 0) SP_disconnect(mbox_);
  }

  const std::string& private_group() const { return private_group_; }
  int descriptor() const { return mbox_; }
  void join(const std::string& group) { check(SP_join(mbox_, group.c_str()), 0); }
  void leave(const std::string& group) { check(SP_leave(mbox_, group.c_str()), 0); }
  int poll() const { return not_negative(SP_poll(mbox_)); }

  int send(service type, const std::string& group, const std::string& body, int mess_type = 0) {
    return not_negative(SP_multicast(mbox_, type, group.c_str(), static_cast<int16>(mess_type),
                                     static_cast<int>(body.size()), body.data()));
  }

  int send(service type, const std::vector<std::string>& groups, const std::string& body, int mess_type = 0) {
    typedef char Name[MAX_GROUP_NAME];
    std::vector<char> names(groups.size() * MAX_GROUP_NAME);
    for (std::size_t i = 0; i < groups.size(); i++) groups[i].copy(&names[i * MAX_GROUP_NAME], MAX_GROUP_NAME - 1);
    return not_negative(SP_multigroup_multicast(mbox_, type, static_cast<int>(groups.size()),
                                                reinterpret_cast<const Name*>(&names[0]),
                                                static_cast<int16>(mess_type), static_cast<int>(body.size()),
                                                body.data()));
  }

  // Grows the buffers until the message fits: what the answer says about the sizes must be right.
  Message receive() {
    typedef char Name[MAX_GROUP_NAME];
    for (;;) {
      Message message;
      char sender[MAX_GROUP_NAME];
      int count = 0;
      int16 mess_type = 0;
      int length =
          SP_receive(mbox_, &message.type, sender, static_cast<int>(groups_.size() / MAX_GROUP_NAME), &count,
                     reinterpret_cast<Name*>(&groups_[0]), &mess_type, &message.endian,
                     static_cast<int>(body_.size()), &body_[0]);
      if (length == GROUPS_TOO_SHORT) {
        groups_.resize(static_cast<std::size_t>(-count) * MAX_GROUP_NAME);
      } else if (length == BUFFER_TOO_SHORT) {
        body_.resize(static_cast<std::size_t>(-message.endian));
      } else {
        not_negative(length);
        message.sender = sender;
        message.mess_type = mess_type;
        for (std::size_t i = 0; i < static_cast<std::size_t>(count); i++)
          message.groups.push_back(&groups_[i * MAX_GROUP_NAME]);
        message.body.assign(&body_[0], static_cast<std::size_t>(length));
        return message;
      }
    }
  }

  std::size_t body_room() const { return body_.size(); }

 private:
  Mailbox(const Mailbox&);             // not copyable: the descriptor has one owner
  Mailbox& operator=(const Mailbox&);

  static void check(int code, int expected) {
    if (code != expected) throw SpreadError(code);
  }
  static int not_negative(int code) {
    if (code < 0) throw SpreadError(code);
    return code;
  }

  mailbox mbox_;
  std::string private_group_;
  std::vector<char> body_;
  std::vector<char> groups_;
};

#endif
