// The plugin is a part of the program.
#include "guest_book.h"
#include "house.h"

HousePlugin::HousePlugin(examples::Arguments&) {}

echostream::Result<std::shared_ptr<echostream::Plugin>> HousePlugin::make() const {
  return std::shared_ptr<echostream::Plugin>(std::make_shared<guestbook::GuestBook>());
}
