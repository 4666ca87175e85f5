// SPDX-License-Identifier: GPL-3.0-or-later
// A doubly linked list whose links are members of the elements. So adding an element allocates no
// memory, and removing any element takes constant time. The list does not own its elements.
// Destroying an element removes it from its list. Thread: loop.
#pragma once

#include <cstddef>

namespace culvert {

/// Base of classes whose objects can be in an IntrusiveList. `Tag` lets an object be in several
/// lists at once, one for each tag.
template <class Tag>
class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { unlink(); }

  bool linked() const { return next_ != nullptr; }

  void unlink() {
    if (next_ == nullptr) return;
    prev_->next_ = next_;
    next_->prev_ = prev_;
    next_ = prev_ = nullptr;
  }

 private:
  template <class T, class U>
  friend class IntrusiveList;
  ListNode* next_ = nullptr;
  ListNode* prev_ = nullptr;
};

template <class T, class Tag = T>
class IntrusiveList {
  using Node = ListNode<Tag>;

 public:
  IntrusiveList() { head_.next_ = head_.prev_ = &head_; }
  ~IntrusiveList() {
    while (!empty()) popFront();
    head_.next_ = head_.prev_ = nullptr;
  }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;

  bool empty() const { return head_.next_ == &head_; }

  void pushBack(T& element) {
    Node& node = element;
    node.unlink();
    node.prev_ = head_.prev_;
    node.next_ = &head_;
    head_.prev_->next_ = &node;
    head_.prev_ = &node;
  }

  /// The first element; the list must not be empty.
  T& front() { return static_cast<T&>(*head_.next_); }

  /// The element behind `element`, or nullptr if that is the last one.
  T* after(T& element) {
    Node* next = static_cast<Node&>(element).next_;
    return next == &head_ ? nullptr : &static_cast<T&>(*next);
  }

  /// The last element; the list must not be empty.
  T& back() { return static_cast<T&>(*head_.prev_); }

  T& popFront() {
    T& first = front();
    static_cast<Node&>(first).unlink();
    return first;
  }

  /// Calls `visit(T&)` for each element. `visit` may unlink the element that it was called with.
  template <class Visit>
  void forEach(Visit visit) {
    for (Node* node = head_.next_; node != &head_;) {
      Node* next = node->next_;
      visit(static_cast<T&>(*node));
      node = next;
    }
  }

 private:
  Node head_;
};

}  // namespace culvert
